"""Sentences of the shipped policies in Chinese, by their English wording.

Statements and what is not measured are the policies' own two wordings; a report holds the English one alone.
"""

# ruff: noqa: E501 - Chinese characters count as two columns
from __future__ import annotations

from typing import Final

STATEMENTS: Final = {
    "We keep written management systems for user registration, review of algorithm mechanisms, science and technology ethics review, review before publishing, data security, protection of personal information, prevention of telecom and online fraud, and emergency response, with safe and controllable technical safeguards.": (
        "我方已建立用户注册、算法机制机理审核、科技伦理审查、信息发布审核、数据安全、个人信息保护、反电信网络诈骗、应急处置等管理制度，并具有安全可控的技术保障措施。"
    ),
    "Our management rules and platform conventions are published, our service agreement binds users to them, and supporters and users are conspicuously reminded of their duties of information security.": (
        "我方已制定并公开管理规则、平台公约，完善服务协议，并以显著方式提示技术支持者和使用者承担信息安全义务。"
    ),
    "Users' real identity is verified by mobile number, identity document, unified social credit code or the national network identity service; those who are not verified are given no service of publishing.": (
        "我方依法对使用者进行真实身份信息认证，不向未认证的使用者提供信息发布服务。"
    ),
    "Inputs and results are reviewed by technical means or by hand, requests for prohibited content are refused, a feature library with entry standards, rules and procedures is kept, and what is found is handled, recorded and reported.": (
        "我方对输入数据和合成结果进行技术或者人工审核，拒绝违法内容请求，建立特征库及其入库标准、规则和程序，对发现的违法和不良信息依法处置、记录并报告。"
    ),
    "False information made or spread with the service is refuted in time, records of it are kept, and it is reported to the authorities.": (
        "我方已建立辟谣机制，发现利用服务制作、传播虚假信息的，及时辟谣、保存记录并报告。"
    ),
    "There are convenient entrances for appeals of users and for complaints and reports of the public; process and time limits are published and kept.": (
        "我方已设置便捷的用户申诉和公众投诉、举报入口，公布处理流程和反馈时限，并及时受理、处理和反馈。"
    ),
    "An inventory of all training data states origin, licence, legal basis, minors and personal information; necessary measures protect its security, and it was examined whether the model gives away people of it.": (
        "我方建有训练数据清单，载明来源、许可、合法性基础、未成年人及个人信息情况，采取必要措施保障其安全，并已审查模型是否泄露训练数据中的人员。"
    ),
    "Before a face or a voice is edited the user is prompted to inform the person edited and to obtain that person's separate consent, and the edit does not begin until the user has answered.": (
        "在编辑人脸、人声之前，我方提示使用者依法告知被编辑的个人并取得其单独同意；使用者未答复前不开始编辑。"
    ),
    "Consents are recorded with their wording and time, can be withdrawn, and lead to deletion when they are; for people under fourteen their guardian consents.": (
        "我方记录同意的内容和时间，同意可以撤回并据此删除；不满十四周岁的由其监护人同意。"
    ),
    "An impact assessment of personal information protection was made before biometric information was processed; its report is kept for three years at least.": (
        "我方在处理生物识别信息前进行了个人信息保护影响评估，评估报告至少保存三年。"
    ),
    "A dated calendar says when the mechanism of the generative algorithm is reviewed, assessed and verified, and who does it; the last review is of its period.": (
        "我方制定了算法机制机理审核、评估、验证的日程与责任人，并已按期完成最近一次审核。"
    ),
    "Every output's content number is found in a log, and logs are kept for the time that the applicable rules set.": (
        "每一输出的内容编号均可在日志中查到，日志按规定期限保存。"
    ),
    "The user agreement states method and style of the labels, and users are told to read and understand what is asked of them.": (
        "我方在用户服务协议中明确说明标识的方法、样式，并提示用户仔细阅读并理解。"
    ),
    "No output without an explicit label is offered; or it is offered under an agreement on the user's duties, and logs of its recipients are kept for six months at least.": (
        "我方不提供无显式标识的内容；或者在用户协议明确其义务和责任后提供，并留存提供对象日志不少于六个月。"
    ),
    "The terms forbid to delete, alter, forge or hide labels, the tool has no function that does, and labels of its inputs are kept.": (
        "我方条款禁止删除、篡改、伪造、隐匿标识，工具不含此类功能，并保留输入内容已有的标识。"
    ),
    "The algorithm is filed, and the filing number with a link to the published filing stands at a conspicuous place of the site or application.": (
        "算法已完成备案，并在网站、应用程序的显著位置标明备案编号、提供公示信息链接。"
    ),
    "A security assessment under the provisions of 2018 was made before the launch, hazards found were removed, and its report was submitted.": (
        "上线前已按照2018年安全评估规定开展安全评估，消除发现的隐患并提交评估报告。"
    ),
    "Our terms of use, or of an open model its documentation, forbid to remove marks; we offer and promote no tool whose purpose is to circumvent them, and marks of inputs are kept.": (
        "我方使用条款（开放模型则在文档中）禁止移除标记，不提供、不推广以规避标记为目的的工具，并保留输入已有的标记。"
    ),
    "Marking and detection are tested before the system is placed on the market and regularly thereafter under conditions that are representative of real-world use; shortcomings are corrected, and the process is documented.": (
        "系统上市前及此后定期在代表真实使用的条件下测试标记与检测，纠正缺陷，并将过程形成文件。"
    ),
    "Safety measures against intimate or sexual material of identifiable people without their explicit consent, and of children, are documented; others than their makers have tried to break them, and misuse that becomes known leads to correction.": (
        "针对未经明确同意的可识别人员私密或性内容以及未成年人性内容，已有成文的安全措施，经非开发人员红队测试，已知滥用均予纠正。"
    ),
    "A data protection impact assessment describes the processing of biometric data, its necessity, the risks to people and the measures against them.": (
        "已完成数据保护影响评估，载明生物识别数据的处理、必要性、对个人的风险及应对措施。"
    ),
}

NOT_MEASURED: Final = {
    "whether outputs give away people of the training data (Art. 14, first paragraph); its control is attested": "输出是否泄露训练数据中的人员（第十四条第一款），相应条目以声明代替",
    "refusal of requests for prohibited content on a bank of prompts (Arts 6 and 10); its control is attested": "对违法内容请求的拒绝率（第六条、第十条），相应条目以声明代替",
    "labels of videos (Measures Art. 4, GB 45438-2025 5.4), and of screens beside the file (5.6)": "视频标识（办法第四条、标准5.4）和交互场景界面标识（5.6）",
    "whether each content number of a label is found in the provider's log (Art. 16); its control is attested": "标识中的内容编号与日志的对应（第十六条），相应条目以声明代替",
    "figures by group of people; no figure here compares groups": "分人群的差异",
    "effectiveness by a user-based assessment (M3.1), and interoperability (M3.4)": "基于用户的有效性评估（M3.1）与互操作性（M3.4）",
    "whether marks alone survive perturbations; layers after chains count a passive detector too (M3.3)": "仅标记（不含被动检测）经处理后的留存（M3.3）",
    "time stamps of manifests; a manifest is checked for its signature and its hashes": "清单的时间戳",
    "refusal of sexual material of identifiable people; such media are never made here (Art. 5)": "对可识别人员性内容的拒绝；本工具从不生成此类内容（第5条）",
}

LIMIT_SOURCES: Final = {
    "project default: no law or standard sets this number": "项目自定：法律和标准均未规定该数值",
    "project default, after the 7 % that NIST SP 800-63A-4 and Android's class 3 allow of attacks: the Provisions set no number": (
        "项目自定，参照 NIST SP 800-63A-4 与 Android 3 级对攻击所允许的 7 %：规定未设定数值"
    ),
    "project default: the Provisions set no number": "项目自定：规定未设定数值",
    "a line to read the figure by: Android's class 2 [C-2-2] allows 20 % of attacks; it binds verifiers, not editors": (
        "供参照的界线：Android 2 级 [C-2-2] 允许 20 % 的攻击；其约束的是验证系统，而非编辑工具"
    ),
    "a line to read the figure by, after Android's class 2; it binds verifiers, not editors": (
        "供参照的界线，参照 Android 2 级；其约束的是验证系统，而非编辑工具"
    ),
    "project default, a line to read the figure by: nothing asks for passive detection": (
        "项目自定，供参照的界线：没有任何规定要求被动检测"
    ),
    "project default: the rule asks it of every output; 93 % is what 42 people without a fault show": (
        "项目自定：规则对每一输出均有此要求；42 人无一差错时可证明 93 %"
    ),
    "project default, after the 95 % of prompts that GB/T 45654-2025 wants refused (it speaks of text)": (
        "项目自定，参照 GB/T 45654-2025 要求拒答的 95 %（该标准针对文本）"
    ),
    "project default, after the 5 % of prompts that GB/T 45654-2025 lets be refused without need (it speaks of text)": (
        "项目自定，参照 GB/T 45654-2025 所容许的 5 % 误拒（该标准针对文本）"
    ),
    "project default: the Code sets no number; 93 % is what 42 people without a fault show": (
        "项目自定：行为准则未设定数值；42 人无一差错时可证明 93 %"
    ),
    "project default: the Code sets no number": "项目自定：行为准则未设定数值",
}
