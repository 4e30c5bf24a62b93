"""Terms of reports in Chinese, by their English wording; codes of the records; sentences that reports often hold."""

# ruff: noqa: E501 - Chinese characters count as two columns
from __future__ import annotations

from typing import Final

TERMS: Final = {
    # verdicts, states and roles
    "PASS": "通过",
    "FAIL": "未通过",
    "INCONCLUSIVE": "无法判定",
    "gated": "门控",
    "warning only": "仅警告",
    "disclosed only": "仅披露",
    "gated: decides the verdict": "门控：决定判定",
    "warning: does not decide the verdict": "警告：不决定判定",
    "disclosed: does not decide the verdict": "披露：不决定判定",
    "green": "绿",
    "red": "红",
    "not assessable": "无法评估",
    "full": "充分",
    "weak": "较弱",
    "few people": "人数不足",
    "none": "无",
    "upper": "上界",
    "lower": "下界",
    "attested, not tested": "已声明（未实测）",
    "attestation expired, not tested": "声明已过期（未实测）",
    "not attested, not tested": "未声明（未实测）",
    "evidence changed, not tested": "声明所附证据已变更（未实测）",
    "law": "法律法规",
    "mandatory standard": "强制性标准",
    "recommended standard": "推荐性标准",
    "voluntary commitment": "自愿承诺",
    "industry practice": "行业惯例",
    "the project's own choice": "项目自定（法律和标准均未规定）",
    "text read at its source": "已核对原文",
    "text read in secondary material only": "仅见于二手资料",
    "text not read": "未核对原文",
    # attackers, media, outcomes, consent
    "control": "对照",
    "ignorant": "不知情",
    "lazy-informed": "懒知情",
    "semi-informed": "半知情",
    "faces": "人脸",
    "voices": "人声",
    "videos": "视频",
    "attempted": "尝试",
    "edited": "已编辑",
    "refused": "拒绝",
    "failed": "失败",
    "timed out": "超时",
    "invalid": "无效",
    "unchanged": "未改变",
    "blank": "空白或无声",
    "clipped": "削波",
    "granted": "已同意",
    "withdrawn": "已撤回",
    "unstated": "未说明",
    "unknown": "未知",
    "some": "部分",
    "cosine": "余弦",
    "dataset": "数据集",
    "recogniser": "识别器",
    "detector": "检测器",
    "baseline": "基线",
    # assessments and instruments
    "Identity leak": "身份泄露",
    "Impersonation": "身份冒充",
    "Detectability": "可检测性",
    "Utility": "可用性",
    "Edited, refused, unchanged": "已编辑、拒绝、未改变",
    "label permutation": "标签置换",
    "background": "背景",
    "chance": "随机水平",
    "people apart": "人员分离",
    "fpr kept": "误报率保持",
    "format cues": "格式线索",
    "detector control": "检测器对照",
    # figures
    "Outputs matched to their own person": "输出与本人匹配的比例",
    "Outputs no longer matched to their own person": "输出不再与本人匹配的比例",
    "Outputs matched to the host": "输出与宿主匹配的比例",
    "Outputs matched to the donor": "输出与供体匹配的比例",
    "Matched without face or speech": "无人脸或语音时仍匹配的比例",
    "Distance between the judges' match rates": "识别器间匹配率之差",
    "Files that give the person away": "泄露本人的文件比例",
    "Files with a compliant AIGC label": "AIGC 隐式标识合格的文件比例",
    "Files with an AIGC label that breaks a rule": "AIGC 隐式标识不合格的文件比例",
    "Files with an AIGC label": "含 AIGC 隐式标识的文件比例",
    "Files with a valid C2PA manifest": "C2PA 清单有效的文件比例",
    "Files with a fitting IPTC digital source type": "IPTC 数字来源类型相符的文件比例",
    "Outputs with a compliant visible label": "可见标识合格的输出比例",
    "Outputs with a compliant audible label": "可听标识合格的输出比例",
    "Outputs flagged as edited (TPR)": "被标为已编辑的输出比例 (TPR)",
    "Bona fide media flagged (FPR)": "真实媒体被误报的比例 (FPR)",
    "Outputs passed as bona fide (APCER)": "输出被当作真实的比例 (APCER)",
    "Bona fide media flagged where 10 % of outputs pass (BPCER10)": "10 % 输出漏检时真实媒体误报率 (BPCER10)",
    "Bona fide media flagged where 5 % of outputs pass (BPCER20)": "5 % 输出漏检时真实媒体误报率 (BPCER20)",
    "Bona fide media flagged where 1 % of outputs pass (BPCER100)": "1 % 输出漏检时真实媒体误报率 (BPCER100)",
    "Detection equal error rate (D-EER)": "检测等错误率 (D-EER)",
    "Ranking of outputs above bona fide media (AUC)": "输出排序高于真实媒体的程度 (AUC)",
    "The same, by models that saw none of the species": "同上，模型未见过同类输出",
    "Expected calibration error (ECE)": "期望校准误差 (ECE)",
    "Outputs with a layer, as they are": "原样输出至少有一层标识的比例",
    "Outputs with two layers, as they are": "原样输出有两层标识的比例",
    "Outputs with a layer after the worst chain": "最不利处理链之后仍有一层标识的比例",
    "Outputs that bear the watermark": "检出水印的输出比例",
    "Unmarked media taken for marked": "无水印媒体被误判为有水印的比例",
    "Outputs with every bit of the watermark right": "水印信息完全正确的输出比例",
    "Matches with bystanders, beyond the unedited input's": "与旁人的匹配，扣除未编辑输入",
    "Passing as some bystander, beyond the unedited input's": "冒充某一旁人的比例，扣除未编辑输入",
    "Drift to a bystander": "向旁人的偏移",
    "Cases not edited": "未编辑的用例比例",
    "Outputs left unchanged": "未改变的输出比例",
    "Equal error rate (EER)": "等错误率 (EER)",
    "Area under the ROC curve (AUC)": "ROC 曲线下面积 (AUC)",
    "Linkability D_sys": "可关联性 D_sys",
    "Cost of the evidence (Cllr), bit": "证据代价 (Cllr)，比特",
    "Of it, for want of calibration (Cllr - minCllr), bit": "其中校准损失 (Cllr - minCllr)，比特",
    "Cost of the evidence at its best (minCllr), bit": "最小证据代价 (minCllr)，比特",
    "Expected disclosure (ZEBRA), bit": "期望披露 (ZEBRA)，比特",
    "Worst-case disclosure (ZEBRA), power of ten": "最坏披露 (ZEBRA)，十的幂",
    "Detection cost at its best (minDCF)": "最小检测代价 (minDCF)",
    "Detection cost at Bayes' threshold (actDCF)": "贝叶斯阈值下的检测代价 (actDCF)",
    "Cost of verification and detection in one (a-DCF)": "验证与检测的合并代价 (a-DCF)",
    "Tandem detection cost at its best (min t-DCF)": "最小串联检测代价 (min t-DCF)",
    "Tandem equal error rate (t-EER)": "串联等错误率 (t-EER)",
    "Impostor attack acceptance (IAPAR)": "冒充攻击接受率 (IAPAR)",
    "Relative impostor attack acceptance (RIAPAR)": "相对冒充攻击接受率 (RIAPAR)",
    "False rejection of unedited recordings (FRR)": "未编辑记录的错误拒绝率 (FRR)",
    "Outputs matched to a donor who refused": "输出与拒绝同意的供体匹配的比例",
    "Matching every contributor, average over probes (ProdAvg-MMPMR)": "与每一贡献者匹配，按探针平均 (ProdAvg-MMPMR)",
    "Outputs matching every contributor (MMPMR)": "与每一贡献者匹配的输出比例 (MMPMR)",
    "Relative morph match rate (RMMR)": "相对融合匹配率 (RMMR)",
    "Outputs below a utility floor": "低于可用性下限的输出比例",
    "Peak signal-to-noise ratio (PSNR)": "峰值信噪比 (PSNR)",
    "Structural similarity (SSIM), 1 = equal": "结构相似性 (SSIM)，1 为相同",
    "Landmark error, distances of the eyes": "关键点误差，以两眼间距计",
    "Intelligibility (STOI), 1 = as the input": "可懂度 (STOI)，1 为与输入相同",
    "Signal-to-distortion ratio (SI-SDR)": "信号失真比 (SI-SDR)",
    "Correlation of the pitch (F0)": "基频相关 (F0)",
    "Duration, output over input": "时长比，输出比输入",
    "Word error rate (WER)": "词错误率 (WER)",
    "Speech quality (PESQ), MOS-LQO 1 to 4.64": "语音质量 (PESQ)，MOS-LQO 1 至 4.64",
    # titles of controls of the shipped baseline
    "The output does not betray the person who was anonymised": "输出不泄露被匿名化的人",
    "The output resembles uninvolved people no more than the unedited input did": "输出与无关人员的相似不超过未编辑输入",
    "The output does not pass as somebody else more often than the unedited input did": (
        "输出冒充他人的频率不超过未编辑输入"
    ),
    "The output is not the unedited recording": "输出不是未编辑的记录",
    "The editor edits what it is given": "编辑器完成所给的编辑",
}

CODES: Final = {
    "anonymise": "匿名化",
    "swap": "换脸或换声",
    "attribute": "属性编辑",
    "morph": "融合",
    "generate": "生成",
    "face-generation": "人脸生成",
    "face-swap": "人脸替换",
    "face-attribute-editing": "人物属性编辑",
    "face-manipulation": "人脸操控",
    "posture-manipulation": "姿态操控",
    "image-enhancement": "图像增强",
    "image-restoration": "图像修复",
    "text-to-speech": "文本转语音",
    "voice-conversion": "语音转换",
    "voice-attribute-editing": "语音属性编辑",
    "face-anonymisation": "人脸匿名化",
    "voice-anonymisation": "人声匿名化",
    "face-morph": "人脸融合",
    "provider": "深度合成服务提供者",
    "technical_supporter": "深度合成服务技术支持者",
    "both": "服务提供者与技术支持者",
}

SENTENCES: Final = {
    "project default: no law or standard sets this number": "项目自定：法律和标准均未规定该数值",
    "no law or standard sets the limits of this policy: they are the project's choice": (
        "本策略的限值为项目自定：法律和标准均未规定"
    ),
    "one family of judges only: a leak that another recogniser sees may be missed": (
        "仅有一个识别器族：其他识别器能发现的泄露可能被遗漏"
    ),
    "detectability was not assessed: the suite leaves it out": "未测评可检测性：测评套件未包含该项",
    "impersonation was not assessed: the suite leaves it out": "未测评身份冒充：测评套件未包含该项",
    "the planted-leak ladders are not built yet": "尚未建立植入泄露阶梯",
    "no figure by group of people (sex, age, skin tone) was made": "未得出分人群（性别、年龄、肤色）的数值",
    "no attempt was made to reverse the edit, and no attacker trained a network of its own": (
        "未尝试逆转编辑，也没有攻击者自行训练网络"
    ),
    "no file of the outputs was looked into: what files give away beside face or voice is not known": (
        "未检查输出文件：文件在人脸或人声之外泄露什么尚不清楚"
    ),
    "the attacked systems are the listed recognisers with a threshold: no liveness check and no human looked": (
        "受攻击系统为所列识别器及其阈值：没有活体检测，也没有人工查看"
    ),
    "no figure of impersonation by group of people was made": "未得出分人群的身份冒充数值",
    "consent probes tell the editor that a donor refused; whether a user can state a false consent was not tried": (
        "同意探测告知编辑器供体已拒绝；未尝试用户能否虚报同意"
    ),
    "utility says how near a picture is to its input, not whether a person finds it natural": (
        "可用性说明图像与输入的接近程度，不说明人是否觉得自然"
    ),
    "utility says how near a voice is to its input, not whether a person finds it natural": (
        "可用性说明人声与输入的接近程度，不说明人是否觉得自然"
    ),
    "detectors that learn saw outputs of this tool, of other people: a stranger's detector may find less": (
        "可学习的检测器见过本工具对其他人的输出：陌生的检测器可能发现得更少"
    ),
    "perturbations work on decoded media: metadata in the file are gone after each by construction": (
        "扰动作用于解码后的媒体：文件元数据必然在每次扰动后丢失"
    ),
    "the outputs were made elsewhere and listed by person: some may have been left out": (
        "输出在别处制作并按人列出：可能有遗漏"
    ),
    "a smoke run (--limit or --case) is never a PASS": "冒烟运行（--limit 或 --case）绝不能判为通过",
    "nobody attested it: `visavox attest` writes what is asked": "无人作出声明：可用 `visavox attest` 写出所要求的声明",
}
