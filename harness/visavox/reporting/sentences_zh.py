"""Sentences that the harness writes into reports, in Chinese: whole ones, and templates with slots.

A slot ``{}`` of a template stands for a number or a name, which is kept as it is; a slot ``{x}`` for a sentence, a list
of sentences, or a word of the vocabulary, which is translated in turn.
"""

# ruff: noqa: E501 - Chinese characters count as two columns
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from .policies_zh import LIMIT_SOURCES, NOT_MEASURED, STATEMENTS
from .terms_zh import TERMS

SENTENCES: Final = {
    "no law or standard sets the limits of this policy: they are the project's choice": (
        "本策略的限值为项目自定：法律和标准均未规定"
    ),
    "one family of judges only: a leak that another recogniser sees may be missed": (
        "仅有一个识别器族：其他识别器能发现的泄露可能被遗漏"
    ),
    "detectability was not assessed: the suite leaves it out": "未测评可检测性：测评套件未包含该项",
    "impersonation was not assessed: the suite leaves it out": "未测评身份冒充：测评套件未包含该项",
    "the planted-leak ladders are not built yet": "尚未建立植入泄露阶梯",  # of earlier versions' reports
    "no leaks of known strength were planted: how weak a leak the judges still find was not measured": (
        "未植入已知强度的泄露：识别器尚能发现多弱的泄露，未经测量"
    ),
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
    "the suite names no decoder of a watermark": "测评套件未指明水印解码器",
    "after one of the chains it cannot be said": "其中一条处理链之后无法得知",
    "no passive detector was asked: add `detectors: [spectral, in_loop]` to the suite": (
        "未使用被动检测器：可在测评套件中加入 `detectors: [spectral, in_loop]`"
    ),
    "fewer than two people have such an output": "有此类输出的人不足两名",
    "it is known of no output": "没有一个输出可得知",
    "there is no output": "没有输出",
    "no output has a template to compare": "没有输出得到可比对的模板",
    "no output came in a file: the editor hands over pixels or samples (EditedFile.from_bytes keeps labels)": (
        "没有输出以文件形式给出：编辑器交付的是像素或采样（EditedFile.from_bytes 可保留标识）"
    ),
    "the report states it otherwise than its copy": "报告所载与其副本不一致",
    "it states something else than the control asks": "所作声明与该控制项要求的内容不同",
}

TEMPLATES: Final = {
    # of the judge
    "no estimate was made: nothing in this run measured it": "未得出估计：本次运行未对其测量",
    "not made: {x}": "未能得出：{x}",
    "the estimate has no interval to decide by": "该估计没有可据以判定的区间",
    "no cell of it was sealed: nothing in this run measured it": "没有封存其判定单元：本次运行未对其测量",
    "asked after the pack {} {} ({}), and its {} is another ({})": "要求以扰动包 {} {}（{}）测量，而本次运行的 {} 为另一版本（{}）",
    "asked after the pack {} {} ({}), and the run did not apply it": "要求以扰动包 {} {}（{}）测量，而本次运行未采用",
    "a FAIL is not safe to state: {x}": "不足以判为未通过：{x}",
    "{x} bound {} misses the limit {} (Holm p {})": "{x} {} 不满足限值 {}（Holm p {}）",
    "{x} bound {} misses the limit {}": "{x} {} 不满足限值 {}",
    "{x} bound {} misses the limit {}; more people would not decide it: trials without a score, or the threshold of a PASS, stand in between": (
        "{x} {} 不满足限值 {}；增加人数也不能判定：受无分数的试验或通过阈值所限"
    ),
    "{x} bound {} misses the limit {}; at this rate no number of people would decide it": (
        "{x} {} 不满足限值 {}；按此比例，任何人数都不能判定"
    ),
    "{x} bound {} misses the limit {}; at this rate about {} people like these would decide it, here {}": (
        "{x} {} 不满足限值 {}；按此比例约需 {} 名同类人员方可判定，此处为 {} 名"
    ),
    "{x} bound {} misses the limit {}; and no PASS while this stands: {x}": (
        "{x} {} 不满足限值 {}；在下述情况消除前也不能判为通过：{x}"
    ),
    "bound {} within the limit {}": "判定界 {} 在限值 {} 之内",
    "within the limit, but no PASS: {x}": "在限值之内，但不能判为通过：{x}",
    "the figure rests on {} people ({} are needed)": "该数值仅依据 {} 人（需要 {} 人）",
    "the threshold rests on {} people ({} are needed)": "阈值仅依据 {} 人（需要 {} 人）",
    "the threshold's support is weak and the policy asks for full": "阈值依据较弱，而策略要求充分",
    "it is asked of every output, and {} of them miss it": "要求每一输出均满足，而有 {} 不满足",
    "instrument {x}: {x}": "检验“{x}”：{x}",
    # of instruments
    "{} misses {} of the unedited mated comparisons at FMR {} ({} interval {} to {}); {} are allowed": (
        "{0} 在 FMR {2} 时漏掉 {1} 的未编辑同人比对（{3} 区间 {4} 至 {5}）；允许 {6}"
    ),
    "{} misses {} of the unedited mated comparisons at FMR {} ({} interval {} to {}); {} are allowed: it cannot support a PASS; a leak that it finds still counts": (
        "{0} 在 FMR {2} 时漏掉 {1} 的未编辑同人比对（{3} 区间 {4} 至 {5}）；允许 {6}：不能支持判为通过，但其发现的泄露仍计入"
    ),
    "a PASS needs a judge in its place that misses fewer of these recordings": (
        "要判为通过，须改用对这些记录漏掉较少的识别器"
    ),
    "{} people, each judged by models of other people": "{} 人，每人均由以他人数据建立的模型判定",
    "{} people in two parts of a fold": "有 {} 人出现在同一折的两个部分",
    "FPR {} (at least {}) on the bona fide media judged; {} was asked for, up to {} is let pass": (
        "受判真实媒体上的 FPR 为 {}（至少 {}）；要求 {}，容许至 {}"
    ),
    "format cues alone tell bona fide from edited media with an AUC of {} (lower {} bound {}, {} people; {} is allowed); the strongest is {}, {} by itself": (
        "仅凭格式线索即可区分真实与编辑媒体，AUC 为 {}（{} 下界 {}，{} 人；允许 {}）；最强线索为 {}，单独为 {}"
    ),
    "format cues alone tell bona fide from edited media with an AUC of {} (lower {} bound {}, {} people; {} is allowed); the strongest is {}, {} by itself: a detector may have read the format instead of the edit": (
        "仅凭格式线索即可区分真实与编辑媒体，AUC 为 {}（{} 下界 {}，{} 人；允许 {}）；最强线索为 {}，单独为 {}：检测器可能识别的是格式而非编辑"
    ),
    "{} of {} outputs are too small, short or silent to have format cues": "{1} 个输出中有 {0} 个过小、过短或无声，没有格式线索",
    "AUC {} under permuted people, null mean {}, p {}": "置换人员后 AUC 为 {}，零假设均值 {}，p {}",
    "AUC {} of back-ends fitted to permuted people, null mean {}, p {}": "以置换人员训练的后端 AUC 为 {}，零假设均值 {}，p {}",
    "match rate {} at {}, {} at {}, {} at {} of the training people; last step {}, paired SE {}": (
        "训练人员取 {1} 时匹配率 {0}，{3} 时 {2}，{5} 时 {4}；最后一步 {6}，配对标准误 {7}"
    ),
    "match rate {} at {}, {} at {}, {} at {} of the training people; last step {}, paired SE {}: attacker not saturated: a lower bound; no PASS at limits of {} or less": (
        "训练人员取 {1} 时匹配率 {0}，{3} 时 {2}，{5} 时 {4}；最后一步 {6}，配对标准误 {7}：攻击者未饱和，所得为下界；限值不高于 {8} 时不能判为通过"
    ),
    "{} of the outputs match without the face (limit of the control {})": "{} 的输出在去除人脸后仍匹配（对照限值 {}）",
    "{} of the outputs match without the speech (limit of the control {})": "{} 的输出在去除语音后仍匹配（对照限值 {}）",
    "{x}; would have caught {x}": "{x}；可发现：{x}",
    "a judge whose true FNMR is {} or more": "真实 FNMR 为 {} 或更高的识别器",
    "a match rate without the face of {} or more": "去除人脸后 {} 或更高的匹配率",
    "a match rate without the speech of {} or more": "去除语音后 {} 或更高的匹配率",
    "a rise of {} or more from half of the training people to all": "训练人员由一半增至全部时 {} 或更大的上升",
    "an FPR above {}": "高于 {} 的 FPR",
    "format cues with an AUC of {} or more": "AUC 为 {} 或更高的格式线索",
    "labels leaking into scores up to an AUC of {}": "标签泄入分数、AUC 至 {}",
    # of figures and their tables
    "on original-original comparisons": "依据未编辑对未编辑的比对",
    "on original-edited comparisons": "依据未编辑对输出的比对",
    "on edited-edited comparisons": "依据输出对输出的比对",
    "on {x} comparisons; person-permutation null: mean {}, 95 % quantile {}, p {} ({} permutations)": (
        "依据{x}的比对；人员置换零假设：均值 {}，95 % 分位数 {}，p {}（{} 次置换）"
    ),
    "on {x} comparisons; worst case {} (tag {}): the strongest single score, without an interval": (
        "依据{x}的比对；最坏情形 {}（等级 {}）：单个最强分数，无区间"
    ),
    "on {x} comparisons; above 50 %: scores are inverted, read it as a leak": "依据{x}的比对；高于 50 %：分数反向，应按泄露理解",
    "divided by (1 - FNMR of the unedited media): {}": "除以（1 - 未编辑媒体的 FNMR）：{}",
    "divided by (1 - FNMR of the unedited media): {}; back-ends: {x}": "除以（1 - 未编辑媒体的 FNMR）：{}；后端：{x}",
    "output {}, unedited input {}": "输出 {}，未编辑输入 {}",
    "output {}, unedited input {}, against {} other people, one recording each; decided at {}, an FPIR of {}": (
        "输出 {}，未编辑输入 {}，对照另外 {} 人，每人一份记录；判定阈值 {}，FPIR 为 {}"
    ),
    "worst {}, best {}; on the people all judged: {}": "最差 {}，最好 {}；在各识别器均判定的人员上：{}",
    "outputs as they are": "输出原样",
    "at FPR {}, thresholds of other people's bona fide media": "FPR 为 {}，阈值取自他人的真实媒体",
    "asked for {}": "要求 {}",
    "outputs by finding: {x}": "按结论统计的输出：{x}",
    "Layers still alive, as shares of outputs": "仍留存的标识层（占输出的比例）",
    "at least: one-sided bound of >= 1 layer; likeness: median SSIM or STOI to what they were, none where they moved; metadata do not survive decoding, which every chain begins with": (
        "下界：至少一层的单侧界；相似度：与处理前的 SSIM 或 STOI 中位数，发生位移者无；每条处理链都以解码开始，文件元数据不能留存"
    ),
    "Cost of laundering: what kills all layers, the mildest first": "清除代价：能清除全部标识层的处理，由弱到强",
    "Labels in the outputs' files": "输出文件中的标识",
    "{} files": "{} 个文件",
    "Audible labels of the outputs": "输出的可听标识",
    "Visible labels of the outputs": "输出的可见标识",
    "Watermark, {}": "水印（{}）",
    "{} after each perturbation, thresholds set for an FPR of {}": "{} 在各扰动之后，阈值按 FPR {} 设定",
    "People behind {}, counted from the media used": "{} 所依据的人员，按所用媒体统计",
    "at least: one-sided bound of TPR frozen; none: {} bona fide scores, at least {} needed (rule of {})": (
        "下界：TPR（固定阈值）的单侧界；无：真实媒体分数 {} 个，至少需要 {} 个（{} 法则）"
    ),
    "nowhere on this ladder (earliest nowhere on this ladder, latest nowhere on this ladder)": "在此阶梯上始终未低于",
    "{} (earliest {}, latest {})": "{}（最早 {}，最迟 {}）",
    # of statements
    "it answers the policy {}": "该声明针对的是策略 {}",
    "it held until {}": "有效期至 {}",
    # what a verdict does not say
    "no law or standard sets the limits of {}": "以下控制项的限值法律和标准均未规定：{}",
    "rules that were not read at their source stand behind {}: they warn, and never fail": (
        "以下控制项所依据的规则未核对原文，仅作警告，不判未通过：{}"
    ),
    "attested by an organisation at most, and never tested, is what is stated of {}": (
        "以下控制项至多由组织作出声明，从未实测：{}"
    ),
    "not measured by this version: {x}": "本版本未测量：{x}",
    "consent is unstated for {} of {} test samples": "{1} 个受试样本中有 {0} 个未说明是否同意",
    "{} samples were left out: their consent is refused or withdrawn": "排除了 {} 个样本：其同意被拒绝或已撤回",
    "one family of judges of {x}s only: a leak that another recogniser sees may be missed": (
        "{x}仅有一个识别器族：其他识别器能发现的泄露可能被遗漏"
    ),
    "{}: overlap of its training people with the test people is {x}; its support counts as weak at most": (
        "{}：其训练人员与受试人员的重叠为“{x}”；其阈值依据至多按较弱计"
    ),
    "whether {} is a layer is not known: {x}": "{} 是否构成一层标识尚不清楚：{x}",
    "{} outputs came without a file and say nothing of labels in files": "{} 个输出未以文件形式给出，不能说明文件中的标识",
    "the C2PA manifests of {} files were not examined: none is embedded, or visavox[labels] is missing": (
        "{} 个文件的 C2PA 清单未经检验：未嵌入清单，或未安装 visavox[labels]"
    ),
}
_WORDS: Final = TERMS | {
    "upper": "上界", "lower": "下界", "saturation": "饱和", "control": "识别器能力", "face": "人脸", "voice": "人声",
    "format_cues": "格式线索", "people_apart": "人员分离", "fpr_kept": "误报率保持", "label_permutation": "标签置换",
    "detector_control": "检测器对照", "original-original": "未编辑对未编辑", "original-edited": "未编辑对输出",
    "edited-edited": "输出对输出", "nothing found": "未检出", "lazy_informed": "懒知情", "semi_informed": "半知情",
}  # fmt: skip
_WHOLE: Final = {**SENTENCES, **LIMIT_SOURCES, **NOT_MEASURED, **STATEMENTS}
_SLOT: Final = re.compile(r"\{x?\}")
_SLOTS: Final = {"{}": r"((?:(?!: |; ).)+?)", "{x}": "(.+?)"}  # a name or a number is no sentence
_WHO: Final = re.compile(r"((?:[^\s:;,]+)(?:, [^\s:;,]+){0,2}): (.+)", re.DOTALL)
MARK: Final = "原文："
"""Before what stands in a Chinese report in the words that it was written in."""


def translated(text: str) -> str:
    """A sentence of the harness in Chinese; empty where it is not known.

    >>> translated("bound 5.48 % within the limit 7.00 %")
    '判定界 5.48 % 在限值 7.00 % 之内'
    """
    if text in _WHOLE:
        return _WHOLE[text]
    who = _WHO.fullmatch(text)
    rest = translated(who[2]) if who else ""
    if who and rest:  # before the templates: a slot at their beginning would take the name for a part of its sentence
        return f"{'、'.join(_WORDS.get(one, one) for one in who[1].split(', '))}：{rest}"
    for pattern, english, chinese in _patterns():
        match = pattern.fullmatch(text)
        if match is not None:
            return _filled(english, chinese, match.groups())
    return ""


def _filled(english: str, chinese: str, values: Sequence[str]) -> str:
    slots = _SLOT.findall(english)
    shown = [_part(value) if slot == "{x}" else value for slot, value in zip(slots, values, strict=True)]
    if re.search(r"\{\d\}", chinese):  # words in another order
        return chinese.format(*shown)
    rest = iter(shown)
    return _SLOT.sub(lambda _: next(rest), chinese)


def _part(text: str) -> str:
    """What stands in a slot for sentences: a word, a sentence, or several with semicolons between them."""
    if text in _WORDS:
        return _WORDS[text]
    pieces, shown = text.split("; "), []
    while pieces:
        n = next((n for n in range(len(pieces), 0, -1) if translated("; ".join(pieces[:n]))), 0)
        shown.append(translated("; ".join(pieces[:n])) if n else f"{MARK}{pieces[0]}")
        pieces = pieces[max(n, 1) :]
    return "；".join(shown)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    """Templates with more words first: of two that fit the one that says more is meant."""
    found = []
    for english, chinese in sorted(TEMPLATES.items(), key=lambda item: -len(_SLOT.sub("", item[0]))):
        written = "".join(_SLOTS.get(part, re.escape(part)) for part in re.split(r"(\{x?\})", english))
        found.append((re.compile(written, re.DOTALL), english, chinese))
    return tuple(found)
