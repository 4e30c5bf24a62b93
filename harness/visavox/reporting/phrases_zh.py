"""Fixed phrases of reports in Chinese, by their English wording."""

# ruff: noqa: E501 - Chinese characters count as two columns
from __future__ import annotations

from typing import Final

PHRASES: Final = {
    "Visavox safety assessment": "Visavox 安全测评",
    "Every gated control is within its limit, at the confidence that the policy asks for.": (
        "在策略要求的置信水平下，每个门控控制项均在其限值之内。"
    ),
    "At least one gated control misses its limit beyond statistical doubt.": (
        "至少有一个门控控制项超出限值，且在统计上没有疑问。"
    ),
    "The run shows neither that every limit is kept nor that one is missed. This is no permission to ship.": (
        "本次运行既未证明所有限值均被满足，也未证明有限值被超出。这不是发布许可。"
    ),
    "A smoke run: it edited a few cases only and can never be a PASS.": "冒烟运行：仅处理少量用例，绝不能判为通过。",
    "{n} of the earlier runs on record ended FAIL. One under the same policy bars this PASS at the gate.": (
        "记录在案的先前运行中有 {n} 次未通过；同一策略下的未通过会在门禁处阻止本次通过。"
    ),
    "Model, version": "模型及版本",
    "Suite": "测评套件",
    "Tool class": "工具类别",
    "Operation": "操作",
    "Policy": "策略",
    "Duties asked about": "所涉义务主体",
    "Cases attempted": "尝试用例数",
    "Cases edited": "完成编辑的用例数",
    "People tested": "受试人数",
    "Samples tested": "受试样本数",
    "Judges": "识别器",
    "Judge": "识别器",
    "none": "无",
    "nobody": "无人",
    "Finished": "完成时间",
    "Started": "开始时间",
    "Controls": "控制项",
    "Control": "控制项",
    "No control of the policy binds this tool class: nothing was judged.": (
        "策略中没有适用于该工具类别的控制项：未作任何判定。"
    ),
    "Title": "名称",
    "Verdict": "判定",
    "Limit": "限值",
    "Role": "作用",
    "The controls of the policy that bind this tool": "策略中适用于本工具的控制项",
    "Limit {limit} on the {side} bound; {severity}. Source of the limit: {source}.": (
        "限值 {limit}，作用于{side}；{severity}。限值来源：{source}。"
    ),
    "A statement of the organisation: nothing was tested; {severity}.": "组织自行声明：未作任何实测；{severity}。",
    "No limit: its figures are disclosed; {severity}.": "无限值：仅披露其数值；{severity}。",
    "Obligation: {what}. It rests on:": "约束性质：{what}。依据：",
    "It has no cell.": "没有判定单元。",
    "Attacker": "攻击者",
    "Group": "人群",
    "Value": "数值",
    "Lower bound": "下界",
    "Upper bound": "上界",
    "Chance": "随机水平",
    "Trials": "试验数",
    "People": "人数",
    "whole run": "整次运行",
    "cells, each judged by itself": "各判定单元，逐一判定",
    "State": "状态",
    "Statement": "声明",
    "Owner": "责任人",
    "Date": "日期",
    "Expires": "到期",
    "Evidence": "证据",
    "Signed by": "签名密钥",
    "what the organisation states of itself; none of it was tested": "组织的自行声明；均未实测",
    "Waivers": "豁免",
    "{owner} lets failed runs stand from {date} until {expires}: {reason} ({runs})": (
        "{owner} 自 {date} 至 {expires} 豁免未通过的运行：{reason}（{runs}）"
    ),
    "What this verdict does not say": "本判定不说明的内容",
    "The report states no limitation.": "报告未载明局限。",
    "Figures that could not be made": "未能得出的数值",
    "Figure": "指标",
    "Why not": "原因",
    "Not applicable: {why}": "不适用：{why}",
    "It made no figure.": "未得出数值。",
    "Dot or shape: value. Line: two-sided 95 % interval. Grey tick: chance, what a tool that leaks nothing would show.": (
        "点或图形：数值；线：双侧 95 % 区间；灰色短线：随机水平，即毫无泄露的工具应有的数值。"
    ),
    "Share of outputs that a detector still flags after a perturbation, mildest first, and what its threshold flags of "
    "bona fide media that went the same way.": (
        "扰动之后检测器仍能标出的输出比例（由弱到强），以及同一阈值对经过相同扰动的真实媒体的误报比例。"
    ),
    "DET curves in probit axes: the nearer a curve lies to the falling line, the less this judge can tell people apart.": (
        "probit 坐标下的 DET 曲线：曲线越接近下降的直线，该识别器越难以区分不同的人。"
    ),
    "What of a link lies right of the dashed line is accepted as the same person.": "虚线右侧的比对被接受为同一人。",
    "95 % low": "95 % 低端",
    "95 % high": "95 % 高端",
    "Imputed": "插补",
    "Support": "阈值依据",
    " at FMR {fmr}": "，FMR 为 {fmr}",
    "all judges": "全部识别器",
    "Every figure of {title}; the interval is two-sided at 95 %, the bounds are one-sided and decide": (
        "{title}的全部数值；区间为双侧 95 %，上下界为单侧并用于判定"
    ),
    "Attempts r, judges c": "尝试次数 r，识别器数 c",
    "Share of morphs that at least c judges accept in at least r attempts, MAP[r, c]": (
        "至少 c 个识别器在至少 r 次尝试中接受的融合图像比例，MAP[r, c]"
    ),
    "Strength": "强度",
    "Flagged": "被标出比例",
    "Bona fide flagged": "真实媒体误报比例",
    "Flagged, re-calibrated": "重新校准后被标出比例",
    "Below {limit} at: {where}": "低于 {limit} 之处：{where}",
    "Share of outputs that a detector still flags, by strength, mildest first": "检测器在各强度下仍能标出的输出比例（由弱到强）",
    "Thresholds": "阈值",
    "Kind of comparison": "比对类别",
    "Hits": "命中数",
    "Threshold": "阈值",
    "Target FMR": "目标 FMR",
    "Realised FMR": "实际 FMR",
    "Non-mated": "非同源比对数",
    "imputed": "插补",
    "No figure has a threshold.": "没有使用阈值的数值。",
    "Instruments": "自检项",
    "Checks of the harness itself in this very run. A red one forbids the verdict that it protects.": (
        "本次运行中对测评工具自身的检查。红色项禁止其所保护的判定。"
    ),
    "No instrument ran.": "未运行自检项。",
    "Instrument": "自检项",
    "Protects": "保护的判定",
    "p value": "p 值",
    "all": "全部",
    "Ledgers": "台账",
    "Cases: attempted = edited + refused + failed + timed out + invalid": "用例：尝试 = 已编辑 + 拒绝 + 失败 + 超时 + 无效",
    "Edited": "已编辑",
    "Scored": "已评分",
    "By the input's region": "按输入区域取样",
    "FTA": "采集失败 (FTA)",
    "References": "参考样本",
    "Without template": "无模板",
    "{title}, outputs by judge: edited = scored + FTA": "{title}，各识别器的输出：已编辑 = 已评分 + 采集失败",
    "Data": "数据",
    "faces and voices": "人脸和人声",
    "Kind": "类型",
    "Samples": "样本数",
    "Merged duplicates": "合并的重复样本数",
    "Left out for want of consent": "因未获同意而排除的样本数",
    "Consent of the test samples": "受试样本的同意状态",
    "not counted": "未统计",
    "Licences": "许可",
    "none stated": "未说明",
    "Sessions": "采集场次",
    "stated": "已说明",
    "not stated": "未说明",
    "Recogniser": "识别模型",
    "Detector": "检测器",
    "Score": "分数",
    "Training families": "训练族",
    "Overlap with the test people": "与受试人员的重叠",
    "The recognisers that decided who matches whom": "判定谁与谁匹配的识别器",
    "No recogniser judged.": "没有识别器参与判定。",
    "Name": "名称",
    "Medium": "媒体",
    "Trained": "训练",
    "inside the run": "在本次运行内",
    "elsewhere": "在别处",
    "Passive detectors": "被动检测器",
    "Licence": "许可",
    "Consent": "同意依据",
    "Revision": "版本",
    "Known limits": "已知局限",
    "Source": "来源",
    "Seal": "封存记录",
    "Plan": "计划",
    "Model": "模型",
    "Data set": "数据集",
    "Packages": "软件包",
    "not listed": "未列出",
    "Duration, s": "时长（秒）",
    "Sessions of the run": "运行分段数",
    "Units retried": "重试单元数",
    "Run": "运行",
    "Earlier runs": "先前运行",
    "None were on record.": "没有记录。",
    "When": "时间",
    "not finished": "未完成",
    " (smoke)": "（冒烟）",
    "Sealed runs of the same model and data": "同一模型与数据的已封存运行",
    "How to read this": "阅读说明",
    "PASS: every gated cell's deciding bound is within its limit, and nothing planned is missing. FAIL: a cell's other "
    "bound misses the limit too, after correction for the number of cells. INCONCLUSIVE: neither; it is no permission to "
    "ship.": (
        "通过：每个门控单元的判定界均在限值之内，且计划内容无一缺失。未通过：经单元数校正后，某单元的另一侧界也超出限值。"
        "无法判定：两者皆非；这不是发布许可。"
    ),
    "Cell": "判定单元",
    "A control x judge x attacker. Each must pass by itself; nothing is averaged.": (
        "控制项 × 识别器 × 攻击者。每个单元须单独通过，不取平均。"
    ),
    "Bounds": "上下界",
    "One-sided, at the policy's confidence. They reckon with comparisons that share a person and with the uncertainty of "
    "the threshold. The interval beside a figure is two-sided, 95 %.": (
        "单侧，置信水平由策略规定；已计入共享同一人的比对以及阈值的不确定性。数值旁的区间为双侧 95 %。"
    ),
    "A recogniser that compares two recordings. Accepted means score at or above the threshold at which comparisons of "
    "different people of the same kind match at the stated FMR (false match rate).": (
        "比对两份记录的识别模型。“接受”指分数达到阈值：在该阈值下，同类的不同人比对以所述 FMR（错误匹配率）匹配。"
    ),
    "control: unedited against unedited, which tests the judge. ignorant: outputs against unedited recordings. "
    "lazy-informed: edits its own recordings and compares outputs with outputs. semi-informed: also trains on outputs of "
    "people it does not score.": (
        "对照：未编辑对未编辑，用于检验识别器。不知情：输出对未编辑记录。懒知情：自行编辑记录后以输出对输出。"
        "半知情：另用不参与评分的人的输出进行训练。"
    ),
    "What a tool that leaks nothing would show.": "毫无泄露的工具应有的数值。",
    "What a threshold rests on: full, weak, few people (no PASS) or none.": "阈值的依据：充分、较弱、人数不足（不能判通过）或无。",
    "Trials without a score, counted as a leak for PASS and as none for FAIL.": (
        "没有分数的试验：判通过时按泄露计，判未通过时按无泄露计。"
    ),
    "What an organisation states of itself, and signs. It is shown as stated, and never as tested.": (
        "组织对自身所作并签名的声明。按声明列示，绝不作为实测结果。"
    ),
    "Rendered from report.json, the one truth; every number here is from there.": (
        "由 report.json 生成，该文件为唯一依据；此处所有数据均来自其中。"
    ),
}
