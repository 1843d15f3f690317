"""What the report says about the fusion lab: studies of scores, of missing modalities, of features, and calibration."""

from collections.abc import Iterable, Sequence

from emolib.core.artifacts import Run
from emolib.core.experiment import Experiment
from emolib.core.notebook import SYNTHETIC, is_synthetic
from emolib.report.goals import Goal
from emolib.report.page import Caution, Section, item
from emolib.studies.fusion.study import OPTIMISTIC

STEPS = {"personal": "04d_subject_calibration"}  # of a source, and the notebook of each
GOALS = (
    Goal("fused: points over the best single modality", "synthetic/emotion/*/fusion_gain/points", "≥", 3),
    Goal("one modality gone: points over the best one left", "*/missing_one/worst_points", "≥", -1),
    Goal("the same with reliability weights", "*/reliability_missing_any/worst_points", "≥", -1),
    *(
        Goal(f"the same of {name} networks", f"*_{name}_missing_one/worst_points", "≥", -1)
        for name in ("feature", "robust", "hybrid")
    ),
)
STUDY = (  # ending of the artifact's name, caption
    ("fusion", "Every rule beside every single modality."),
    ("fusion.csv", "Every rule beside every single modality."),
    ("forest", "Points of UAR over the best single modality, chosen on test, with 95 % intervals."),
    ("gains.csv", "Points of UAR over the best single modality, chosen on test."),
    ("ranks", "Mean rank over subjects; a bar joins methods that a Nemenyi test does not tell apart."),
    (
        "pairs.csv",
        "Every method against the best single modality: signed-rank test over subjects, after Holm.",
    ),
    (
        "repaired",
        "The same trials paired again and again by label among strangers: what the pairing decides.",
    ),
    ("repaired.csv", "Mean and spread of UAR over these pairings."),
    ("missing.csv", "One modality gone: points of UAR over the best one left."),
    ("weights", "Weights by fold."),
)
MISSING = (
    ("missing-subsets", "Every subset of the modalities."),
    ("missing-noise", "White noise on the recordings of one modality, before the front end."),
    ("missing-stream", "A modality is gone from the middle of each person's stream on."),
    ("missing-calibration.csv", "One temperature per modality and fold, from validation people."),
    ("missing-noise-gains.csv", "Reliability weights over other rules under noise, in points of UAR."),
    (
        "missing-stuck-gains.csv",
        "Reliability weights over other rules with a stuck sensor, in points of UAR.",
    ),
    ("missing-lost.csv", "What the front end drops under noise."),
)
FEATURES = (
    ("joint.csv", "Joint windows that are tested, and how many of them each branch has."),
    (
        "levels",
        "Single networks, rules over their scores, and networks of several modalities, on the same trials.",
    ),
    (
        "levels.csv",
        "What each way needs and reaches; points are over the best single network, chosen on test.",
    ),
    ("levels-forest", "Points of UAR over the best single network, with 95 % intervals."),
    ("levels-ranks", "Mean rank over subjects; a bar joins methods that a Nemenyi test does not tell apart."),
    ("losses.csv", "With branches missing: points of UAR over the best one left."),
    ("precision.csv", "Fewer bits: UAR, and points over uniform 8 bits."),
    ("separable.csv", "Separable convolutions beside the traditional ones that they replace."),
    ("layers.csv", "The network."),
)
PERSONAL = (
    (
        "personal",
        "By person: without, with a short baseline of the person, and with all of the person's windows.",
    ),
    ("personal.csv", "UAR, and points over no calibration."),
    ("personal-counts.csv", "What the baseline takes, and who had too little of it."),
)
SCORES = (
    "Scores of the int8 models, fused without an added network; the weights of a fold are learned on its inner "
    "validation people. The rule reported, {rule}, was fixed beforehand."
)
LOST = (
    "The same networks and weights while what reaches them on test people goes missing or bad. Nothing is trained or "
    "picked again."
)
JOINT = (
    "Networks with a branch a modality against rules over the scores of the sources' own networks, with about as many "
    "parameters in all."
)
BASELINE = (
    "A person first gives a short baseline in a state known beforehand; its mean and spread normalise all else. The "
    "same windows are answered in every arm."
)


def parts(personal: Iterable[str], missing: Iterable[str], features: Iterable[str]) -> list[str]:
    """Names of the summaries that these notebooks write."""
    names = {"personal": personal, "robustness": missing, "features": features}
    return [f"{name}-{step}" for step, found in names.items() for name in found]


def rule(run: Run, study: str) -> str:
    """The rule that the study reports."""
    return run.parameters_of(f"scores/{study}-summary.json")["rule"]


def is_virtual(run: Run, study: str) -> bool:
    """Whether trials are paired by label, of a fusion study or, by the name of its summary, another."""
    return run.parameters_of(f"scores/{study}-summary.json")["pairs"] == "label_paired"


def sections(
    run: Run, studies: Sequence[str], missing: Sequence[str], features: Sequence[str], personal: Sequence[str]
) -> list[Section]:
    """A section per analysis that the run has."""
    return [
        *(
            _section(run, "Fusion", name, SCORES.format(rule=rule(run, name)), STUDY, name)
            for name in studies
        ),
        *(
            _section(run, "Missing and bad modalities", name, LOST, MISSING, f"{name}-robustness")
            for name in missing
        ),
        *(
            _section(run, "Feature-level fusion", name, JOINT, FEATURES, f"{name}-features")
            for name in features
        ),
        *(_personal(run, name) for name in personal),
    ]


def _section(run, what, name, text, endings, summary) -> Section:
    sources = run.parameters_of(f"scores/{summary}-summary.json")["sources"]
    warned = [Caution(SYNTHETIC)] if is_synthetic(sources) else []
    warned += [Caution(OPTIMISTIC)] if is_virtual(run, summary) else []
    return Section(f"{what}: {name}", text, [*warned, *_items(run, name, endings)])


def _personal(run, name) -> Section:
    text = f"{Experiment.parse(name).sentence()} {BASELINE}"
    return Section(f"Personal calibration: {name}", text, _items(run, name, PERSONAL))


def _items(run, name, endings) -> list:
    """Those that the run has: some depend on parameters."""
    found = [item(name, *one) for one in endings]
    return [one for one in found if (run.folder / one.artifact).exists()]
