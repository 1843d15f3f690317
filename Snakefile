# The order of work: one rule per notebook. `snakemake -n` shows what a change would run again.
import json
import os
import re
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

from emolib import datasets
from emolib.models import check_source
from emolib.core.artifacts import damage
from emolib.core.lock import hold, plan, this_process
from emolib.core.config import COMPRESSION, SEVERAL, STEPS, check_config
from emolib.core.parameters import defaults
from emolib.core.progress import Progress
from emolib.core.experiment import Experiment

if not config:
    configfile: "config/demo.yaml"

os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
os.environ.update(OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3", JUPYTER_PREFER_ENV_PATH="1")

UNTRAINED = ("ablation", "reduction")  # steps that train networks of their own
check_config(config)
RUN = config["run"]
SOURCES, STUDIES = config["sources"], config.get("studies") or {}
OF_SOURCES = {part: config.get(part) or [] for part in SEVERAL}
MISSING, JOINT = (
    {name: given or {} for name, given in (config.get(part) or {}).items()} for part in ("missing", "early_fusion")
)
DETECTORS = config.get("detectors") or {}
COMPOSITES = {name: parts["classifier"] for name, parts in DETECTORS.items() if "classifier" in (parts or {})}
OUT = f"{os.environ.get('EMOLIB_RESULTS') or 'results'}/{RUN}"
if workflow.is_main_process and not workflow.output_settings.dryrun:
    ALONE = hold(Path(OUT))  # until this process ends
    os.environ["EMOLIB_PIPELINE"] = this_process()  # notebooks end with it
    print("".join(f"{line}\n" for line in damage(Path(OUT))), end="", file=sys.stderr)
    seen = Progress(logger, Path(OUT) / "headline.txt")
for source, steps in SOURCES.items():
    check_source(source, steps)


def one_of(names):
    return "|".join(map(re.escape, names)) or "(?!)"  # of none, nothing; an empty pattern would match all


ALL = 1024  # threads; Snakemake takes as many as there are, so that nothing else runs. A cluster's profile asks for a node
SPINE = 1  # priority of what fusion and the report wait for: side studies fill the other core


wildcard_constraints:
    source=one_of(SOURCES),
    study=one_of(STUDIES),
    detector=one_of(DETECTORS),
    joint=one_of(JOINT),


fingerprint = cache(datasets.fingerprint)  # one for every use, whatever happens to the files meanwhile


def parameters(notebook, **given):
    """The notebook's parameters as YAML for papermill."""
    return json.dumps({"run": RUN, "seed": config.get("seed", 0), **given})


def of_source(notebook, step):
    def of(wildcards):
        named = asdict(Experiment.parse(wildcards.source))
        steps = SOURCES[wildcards.source] or {}
        given = dict(steps.get(step) or {})
        if step == "windows":
            given["fingerprint"] = fingerprint(named["corpus"])
        if step == "ablation":  # varies what training does
            shared = ("model", "fit", "normalise")
            given |= {name: value for name, value in (steps.get("train") or {}).items() if name in shared}
        return parameters(notebook, **named, **given)

    return of


PAPERMILL = (
    "papermill --no-progress-bar {input.notebook:q} {log:q} --cwd notebooks -y {params.parameters:q} > {log:q}.txt 2>&1"
)


def rows(rule, names):
    """What a rule concludes of each of these, in the order of the report."""
    return [f"{name}-{rule}" for name in names]


CONCLUDED = [
    *(f"{source}-{rule}" for source in SOURCES for rule in ("windows", "train", "quantize")),
    *rows("fusion", STUDIES),
    *rows("missing", MISSING),
    *rows("early_fusion", JOINT),
    *rows("subject_calibration", OF_SOURCES["subject_calibration"]),
    *rows("owner", OF_SOURCES["owner"]),
    *rows("seed_variability", OF_SOURCES["seed_variability"]),
    *(f"{source}-{rule}" for source in OF_SOURCES["compression"] for rule in COMPRESSION),
    *rows("saliency", OF_SOURCES["saliency"]),
    *rows("reduction", OF_SOURCES["reduction"]),
    *rows("detector", DETECTORS),
    *rows("composite", COMPOSITES),
    "latency",
    "cost",
    "power",
]


rule all: # every artifact; once the report exists, Snakemake ignores that one before it is missing
    input:
        expand(f"{OUT}/data/{{source}}{{end}}.npz", source=SOURCES, end=["", "-folds"]),
        expand(f"{OUT}/scores/{{source}}{{end}}.npz", source=SOURCES, end=["-keras", ""]),
        expand(f"{OUT}/scores/{{study}}-fusion.npz", study=STUDIES),
        expand(f"{OUT}/rows/{{name}}.csv", name=CONCLUDED),
        f"{OUT}/report.html",


rule windows:
    input:
        notebook="notebooks/01_windows.ipynb",
    output:
        f"{OUT}/data/{{source}}.npz",
        f"{OUT}/data/{{source}}-folds.npz",
        f"{OUT}/rows/{{source}}-windows.csv",
    priority: SPINE
    params:
        parameters=of_source("01_windows", "windows"),
    log:
        f"{OUT}/notebooks/01_windows-{{source}}.ipynb",
    shell:
        PAPERMILL


rule train:
    input:
        f"{OUT}/data/{{source}}.npz",
        f"{OUT}/data/{{source}}-folds.npz",
        notebook="notebooks/02_train.ipynb",
    output:
        f"{OUT}/scores/{{source}}-keras.npz",
        f"{OUT}/rows/{{source}}-train.csv",
    priority: SPINE
    params:
        parameters=of_source("02_train", "train"),
    log:
        f"{OUT}/notebooks/02_train-{{source}}.ipynb",
    shell:
        PAPERMILL


rule quantize:
    input:
        f"{OUT}/scores/{{source}}-keras.npz",
        notebook="notebooks/03_quantize.ipynb",
    output:
        f"{OUT}/scores/{{source}}.npz",
        f"{OUT}/rows/{{source}}-quantize.csv",
    priority: SPINE
    params:
        parameters=of_source("03_quantize", "quantize"),
    log:
        f"{OUT}/notebooks/03_quantize-{{source}}.ipynb",
    shell:
        PAPERMILL


for step, notebook in STEPS.items():

    rule:
        name:
            step
        input:
            f"{OUT}/data/{{source}}-folds.npz" if step in UNTRAINED else f"{OUT}/scores/{{source}}.npz",
            notebook=f"notebooks/{notebook}.ipynb",
        output:
            f"{OUT}/rows/{{source}}-{step}.csv",
        params:
            parameters=of_source(notebook, step),
        log:
            f"{OUT}/notebooks/{notebook}-{{source}}.ipynb",
        shell:
            PAPERMILL


def of_pictures(notebook, name, given):
    corpora = given.get("corpora") or defaults(notebook)["corpora"]
    return parameters(notebook, name=name, fingerprint=fingerprint(*corpora), **given)


def of_detector(wildcards):
    name = wildcards.detector
    return of_pictures("02d_detector", name, (DETECTORS[name] or {}).get("train", {}))


rule detector:
    input:
        notebook="notebooks/02d_detector.ipynb",
    output:
        f"{OUT}/rows/{{detector}}-detector.csv",
    params:
        parameters=of_detector,
    log:
        f"{OUT}/notebooks/02d_detector-{{detector}}.ipynb",
    shell:
        PAPERMILL


def of_composite(wildcards):
    parts, name = DETECTORS[wildcards.detector], wildcards.detector
    seen = {"corpora": parts["train"]["corpora"]} if "corpora" in parts.get("train", {}) else {}
    named = asdict(Experiment.parse(parts["classifier"]))
    return of_pictures("04a_composite", name, named | seen | parts.get("composite", {}))


rule composite:
    input:
        f"{OUT}/rows/{{detector}}-detector.csv",
        lambda wildcards: f"{OUT}/scores/{COMPOSITES[wildcards.detector]}.npz",
        notebook="notebooks/04a_composite.ipynb",
    output:
        f"{OUT}/rows/{{detector}}-composite.csv",
    params:
        parameters=of_composite,
    log:
        f"{OUT}/notebooks/04a_composite-{{detector}}.ipynb",
    threads: ALL  # nothing else runs while latency is measured
    shell:
        PAPERMILL


rule fusion:
    input:
        lambda wildcards: expand(f"{OUT}/scores/{{source}}.npz", source=STUDIES[wildcards.study]["sources"]),
        notebook="notebooks/04_fusion.ipynb",
    output:
        f"{OUT}/scores/{{study}}-fusion.npz",
        f"{OUT}/rows/{{study}}-fusion.csv",
    params:
        parameters=lambda wildcards: parameters("04_fusion", name=wildcards.study, **STUDIES[wildcards.study]),
    log:
        f"{OUT}/notebooks/04_fusion-{{study}}.ipynb",
    shell:
        PAPERMILL


def of_missing(wildcards):
    of_study = STUDIES[wildcards.study]
    known = {name: of_study[name] for name in defaults("04c_missing") if name in of_study}
    return parameters("04c_missing", name=wildcards.study, **known | MISSING[wildcards.study])


def asked_too(wildcards):
    joint = MISSING[wildcards.study].get("early_fusion")
    return [f"{OUT}/rows/{joint}-early_fusion.csv"] if joint else []


rule missing:
    input:
        f"{OUT}/rows/{{study}}-fusion.csv",
        asked_too,
        notebook="notebooks/04c_missing.ipynb",
    output:
        f"{OUT}/rows/{{study}}-missing.csv",
    params:
        parameters=of_missing,
    log:
        f"{OUT}/notebooks/04c_missing-{{study}}.ipynb",
    shell:
        PAPERMILL


rule early_fusion:
    input:
        lambda wildcards: expand(f"{OUT}/scores/{{source}}.npz", source=JOINT[wildcards.joint]["sources"]),
        notebook="notebooks/04b_early_fusion.ipynb",
    output:
        f"{OUT}/rows/{{joint}}-early_fusion.csv",
    params:
        parameters=lambda wildcards: parameters("04b_early_fusion", name=wildcards.joint, **JOINT[wildcards.joint]),
    log:
        f"{OUT}/notebooks/04b_early_fusion-{{joint}}.ipynb",
    shell:
        PAPERMILL


rule cost:
    input:
        expand(f"{OUT}/scores/{{source}}.npz", source=SOURCES),
        notebook="notebooks/05_cost.ipynb",
    output:
        f"{OUT}/rows/cost.csv",
    params:
        parameters=parameters("05_cost", sources=list(SOURCES), **config.get("cost", {})),
    log:
        f"{OUT}/notebooks/05_cost.ipynb",
    shell:
        PAPERMILL


rule latency:
    input:
        expand(
            f"{OUT}/rows/{{name}}.csv",
            name=[
                *rows("quantize", SOURCES),
                *rows("detector", DETECTORS),
                *rows("fusion", STUDIES),
                *rows("mixed", OF_SOURCES["compression"]),
            ],
        ),
        notebook="notebooks/05a_latency.ipynb",
    output:
        f"{OUT}/rows/latency.csv",
    params:
        parameters=parameters("05a_latency", sources=list(SOURCES), **config.get("latency", {})),
    log:
        f"{OUT}/notebooks/05a_latency.ipynb",
    threads: ALL  # nothing else runs while latency is measured
    shell:
        PAPERMILL


rule power:
    input:
        f"{OUT}/rows/cost.csv",
        notebook="notebooks/05b_power.ipynb",
    output:
        f"{OUT}/rows/power.csv",
    params:
        parameters=parameters("05b_power", sources=list(SOURCES), **config.get("power", {})),
    log:
        f"{OUT}/notebooks/05b_power.ipynb",
    threads: ALL  # a meter of the machine would see what else runs
    shell:
        PAPERMILL


rule report:
    input:
        expand(f"{OUT}/rows/{{name}}.csv", name=CONCLUDED),
        notebook="notebooks/06_report.ipynb",
    output:
        f"{OUT}/report.html",
        f"{OUT}/results.csv",
        f"{OUT}/headline.txt",
    params:
        parameters=parameters("06_report", title=config["title"], concluded=CONCLUDED),
    log:
        f"{OUT}/notebooks/06_report.ipynb",
    shell:
        PAPERMILL


onstart:
    calls = {}
    for job in workflow.dag.jobs:
        if "parameters" in job.params.keys():
            notebook = Path(job.input.notebook).stem
            calls.setdefault(notebook, []).append(defaults(notebook) | json.loads(job.params.parameters))
    plan(ALONE, calls)


onsuccess:
    seen.end()


onerror:
    seen.bar.close()
