"""The vocabulary: ISO/IEC 2382-37, 19795-1, 30107-3 and 20059 words as enums."""

from __future__ import annotations

from enum import StrEnum


class Modality(StrEnum):
    FACE = "face"
    VOICE = "voice"
    VIDEO = "video"


class ToolClass(StrEnum):
    """What the editor is for; decides what its output may look or sound like."""

    ANONYMISE = "anonymise"
    SWAP = "swap"
    ATTRIBUTE = "attribute"
    MORPH = "morph"
    GENERATE = "generate"


class Operation(StrEnum):
    """Operations of Art. 23 of the Deep Synthesis Provisions, and three of ours beside them."""

    FACE_GENERATION = "face-generation"
    FACE_SWAP = "face-swap"
    FACE_ATTRIBUTE_EDITING = "face-attribute-editing"
    FACE_MANIPULATION = "face-manipulation"
    POSTURE_MANIPULATION = "posture-manipulation"
    IMAGE_ENHANCEMENT = "image-enhancement"
    IMAGE_RESTORATION = "image-restoration"
    TEXT_TO_SPEECH = "text-to-speech"
    VOICE_CONVERSION = "voice-conversion"
    VOICE_ATTRIBUTE_EDITING = "voice-attribute-editing"
    FACE_ANONYMISATION = "face-anonymisation"
    VOICE_ANONYMISATION = "voice-anonymisation"
    FACE_MORPH = "face-morph"

    @property
    def modality(self) -> Modality:
        """Whose media it edits: everything but speech and voices is pictures."""
        is_voice = self.value.startswith("voice") or self is Operation.TEXT_TO_SPEECH
        return Modality.VOICE if is_voice else Modality.FACE


class Outcome(StrEnum):
    """What became of one case; every attempted case has exactly one."""

    EDITED = "edited"
    REFUSED = "refused"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    INVALID = "invalid"


class Attacker(StrEnum):
    """VoicePrivacy's ladder: what the attacker knows and edits."""

    CONTROL = "control"
    IGNORANT = "ignorant"
    LAZY_INFORMED = "lazy_informed"
    SEMI_INFORMED = "semi_informed"


class Consent(StrEnum):
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    UNSTATED = "unstated"


class Verdict(StrEnum):
    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Support(StrEnum):
    """How much a threshold rests on (STATISTICS 2)."""

    FULL = "full"
    WEAK = "weak"
    FEW_PEOPLE = "few_people"
    NONE = "none"


class InstrumentState(StrEnum):
    GREEN = "green"
    RED = "red"
    NOT_ASSESSABLE = "not_assessable"


class Severity(StrEnum):
    """What a control's verdict does to the run's."""

    FAIL = "fail"
    WARN = "warn"
    DISCLOSE = "disclose"


class ControlKind(StrEnum):
    """How a control is decided: by figures, by a signed-off statement of an organisation, or by both."""

    TEST = "test"
    ATTESTATION = "attestation"
    BOTH = "both"


class Obligation(StrEnum):
    """What makes a control binding. ``project_default``: nobody but the project asks for it."""

    LAW = "law"
    MANDATORY_STANDARD = "mandatory_standard"
    RECOMMENDED_STANDARD = "recommended_standard"
    VOLUNTARY = "voluntary"
    INDUSTRY = "industry"
    PROJECT_DEFAULT = "project_default"


class Verified(StrEnum):
    """How well a rule's text was read. ``primary``: the official text, or a third party's capture of it."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    MEMORY = "memory"


class DutyRole(StrEnum):
    """Whose duties bind (Art. 23 of the Deep Synthesis Provisions): who offers the service, who lends it the model."""

    PROVIDER = "provider"
    TECHNICAL_SUPPORTER = "technical_supporter"
    BOTH = "both"


class AttestationVerdict(StrEnum):
    """What a statement of an organisation is worth; none of them says that anything was tested.

    ``evidence_changed``: a file it rests on is absent, or no longer the one that it names.
    """

    ATTESTED = "attested"
    EXPIRED = "expired"
    MISSING = "missing"
    EVIDENCE_CHANGED = "evidence_changed"


class CacSection(StrEnum):
    """The headings of the Chinese algorithm self-assessment report (算法安全自评估报告, 生成合成类-服务提供者)."""

    FLOW = "（一）算法流程"
    DATA = "（二）算法数据"
    MODEL = "（三）算法模型"
    INTERVENTION = "（四）干预策略"
    LABELS = "（五）结果标识"
    SERVICE = "服务简介"
    APPLICATION = "算法在服务中应用情况"
    ABUSE = "（一）算法滥用"
    VULNERABILITY = "（二）算法漏洞"
    MALICIOUS_USE = "（三）算法恶意利用"
    OTHER_RISKS = "其他风险"
    MECHANISMS = "（一）风险防范机制建设"
    USER_RIGHTS = "用户权益保护"
    CONTENT = "内容生态治理"
    MODEL_SECURITY = "模型安全保障"
    DATA_SECURITY = "数据安全防护"
    CONCLUSION = "五、安全评估结论"
    OTHER = "六、其他应当说明的相关情况"


class CacRisk(StrEnum):
    """The eight risks on the cover of the same report, in their order."""

    ABUSE = "算法滥用风险"
    MALICIOUS_USE = "算法被恶意利用风险"
    VULNERABILITY = "算法漏洞风险"
    GENERATION = "违法和不良信息生成风险"
    STORAGE = "违法和不良信息存储风险"
    DISSEMINATION = "违法和不良信息传播扩散风险"
    LEAK = "数据和用户信息泄露风险"
    OTHER = "其他违法违规风险"


class Direction(StrEnum):
    LOWER_IS_SAFER = "lower_is_safer"
    HIGHER_IS_SAFER = "higher_is_safer"
    NEITHER = "neither"


class Claim(StrEnum):
    """What a suite may claim of its tool beyond its class; a policy gates it only then."""

    MORPH_RESISTANCE = "morph_resistance"
    CONSENT_TOKENS = "consent_tokens"
    """Made by every suite with ``editor.consent``: the tool takes consent tokens."""


class AigcVerdict(StrEnum):
    """What a file's ``AIGC`` label is worth.

    ``compliant``: exactly one, and it breaks no rule. ``noncompliant``: a rule is broken, and which is said.
    ``not_found``: the file was read as a whole and has none. ``inconclusive``: it could not be read as a whole, or no
    practice guide says where this container carries a label.
    """

    COMPLIANT = "compliant"
    NONCOMPLIANT = "noncompliant"
    NOT_FOUND = "not_found"
    INCONCLUSIVE = "inconclusive"


class CredentialState(StrEnum):
    """What a file's C2PA manifest is worth.

    ``trusted``: valid, and signed by someone on a trust list. ``valid``: signature and hashes hold; whose signature it
    is was not checked. ``invalid``: they do not. ``unreadable``: there is one that cannot be read. ``not_examined``:
    nobody looked, and the reason is said.
    """

    TRUSTED = "trusted"
    VALID = "valid"
    INVALID = "invalid"
    UNREADABLE = "unreadable"
    NOT_FOUND = "not_found"
    NOT_EXAMINED = "not_examined"


class IptcState(StrEnum):
    """Whether XMP states a digital source type. ``unreadable``: none was found, and not all XMP could be read."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    UNREADABLE = "unreadable"


class PerceptibleVerdict(StrEnum):
    """What a label that is seen or heard is worth.

    As `AigcVerdict`; ``inconclusive``: it cannot be told, ``not_examined``: nobody looked, and why is said of both.
    """

    COMPLIANT = "compliant"
    NONCOMPLIANT = "noncompliant"
    NOT_FOUND = "not_found"
    INCONCLUSIVE = "inconclusive"
    NOT_EXAMINED = "not_examined"

    @property
    def is_there(self) -> bool | None:
        """Whether there is a label, right or broken; None where that is not known."""
        if self in {PerceptibleVerdict.INCONCLUSIVE, PerceptibleVerdict.NOT_EXAMINED}:
            return None
        return self is not PerceptibleVerdict.NOT_FOUND
