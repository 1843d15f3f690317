"""What notebooks do not do: try models on people and devices, get corpora, publish and move runs."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from emolib import __version__
from emolib.core import blas  # noqa: F401
from emolib.core.errors import BadParameter, exit_status
from emolib.core.paths import models_folder
from emolib.device.bundle import Bundle, pretrained
from emolib.device.engine import HOP_S, Engine, Result
from emolib.device.interpreter import BACKENDS
from emolib.device.live import Live, replay
from emolib.device.owner import Owner, erase, kept
from emolib.device.sensors import KINDS, Kind, parse
from emolib.signals.readers import READERS

FORM = "corpus:NAME/SUBJECT/TRIAL"
SENSORS = KINDS | {"corpus": Kind("emolib.datasets.as_sensor", "CorpusTrial", KINDS["file"].modalities, FORM)}


def export(options) -> None:
    from emolib.report.export import export

    names = export(options.results, options.out, options.fold, options.keras, options.model, options.add)
    print(f"{options.out}: {', '.join(names)}")


def run(options) -> None:
    """Print one answer, as a line of JSON, for a recording of each modality or the faces of a picture; or stream. Of several
    recordings of a modality, all are of one person: the first of each are answered, then the second."""
    bundle = Bundle(options.bundle)
    if options.picture:
        return print(json.dumps(bundle.faces(options.model, options.picture)))
    if options.source:
        return stream(bundle, options)
    recordings = {modality: paths for modality in READERS if (paths := getattr(options, modality))}
    if not recordings:
        expected = f"--picture, --source, or some of --{', --'.join(READERS)}"
        raise BadParameter(f"run: got no recording, expected {expected}.")
    with Owner(options.profile) as owner:
        for k in range(max(map(len, recordings.values()))):
            given = {modality: paths[k] for modality, paths in recordings.items() if k < len(paths)}
            print(json.dumps(bundle.answer(given, options.model, owner)))


def stream(bundle: Bundle, options) -> None:
    """Print an answer every hop: recordings are read as fast as they can be, live sensors in real time."""
    modalities = [text.partition("=")[0] for text in options.source]
    with Owner(options.profile) as owner:
        engine = Engine(bundle, modalities, options.model, options.hop_s, threads=options.threads, owner=owner)
        sensors = [parse(text, engine.trained, SENSORS) for text in options.source]
        if any(sensor.is_live for sensor in sensors):
            with Live(engine, sensors) as live:
                return show(live.results(options.seconds), options.json)
        end_s = options.seconds or float("inf")
        show(takewhile(lambda result: result.time_s <= end_s, replay(engine, sensors)), options.json)


def show(results: Iterable[Result], as_json: bool) -> None:
    """Print each answer, as a line of JSON or for people, until there are no more or Ctrl-C."""
    with suppress(KeyboardInterrupt):
        for result in results:
            print(json.dumps(result.to_dict()) if as_json else line(result), flush=True)


def line(result: Result) -> str:
    """An answer for people: time, best class with its score, what each modality says and weighs, milliseconds."""
    alone = "not fused" if any(part.scores for part in result.parts.values()) else "no answer"
    answer = best(result.scores) if result.scores else alone
    parts = []
    for name, part in result.parts.items():
        weight = part.weight if result.scores else None
        known = f" ({part.heard} heard)" if part.heard is not None else ""
        known += " (unfamiliar)" if part.unfamiliar else ""
        parts.append(f"{name} {best(part.scores, weight) if part.scores else part.state}{known}")
    missed = f", {result.missed} hops missed" if result.missed else ""
    return f"{result.time_s:7.1f} s  {answer:16}  {' | '.join(parts)}  ({result.ms:.1f} ms{missed})"


def best(scores: dict[str, float], weight: float | None = None) -> str:
    """The class with the highest score, and this score, or the weight of a modality in a fused answer."""
    name = max(scores, key=scores.get)
    return f"{name} {scores[name]:.2f}" if weight is None else f"{name} {weight:.0%}"


def live(options) -> None:
    """Serve a page for this computer's own browser: camera, microphone, and a face that smiles back."""
    from emolib.device.page import serve

    shown = {"open_browser": not options.no_browser, "keep": options.keep, "kinds": SENSORS, "profile": options.profile}
    serve(options.bundle, options.source, options.model, options.port, **shown)


def firmware(options) -> None:
    """Write a bundle as C++ for tflite-micro."""
    from emolib.quantization.firmware.files import write

    for name, made in write(options.bundle, options.out, options.results, options.model).items():
        print(f"{name:44} {made['bytes']:8} bytes  arena {made['arena_bytes']:7}  {made['max_lsb']} LSB apart")


def bench(options) -> None:
    """Measure a bundle here; or run its models for a power meter that logs meanwhile, and write what ran when."""
    from emolib.device import bench

    bundle, asked = Bundle(options.bundle), (options.backend, options.threads, options.repeats)
    if options.markers:
        return bench.mark(bundle, options.markers)
    found = bench.bench(bundle, *asked, options.seconds, options.model)
    print(json.dumps(found) if options.json else bench.text(found))


def datasets(options) -> int | None:
    """List the corpora; load one whole and count; or download one."""
    from emolib.datasets import command, get

    if options.what == "list":
        return command.list_corpora()
    if not options.name:
        hint = "expected a corpus: `emolib datasets list` has them"
        raise BadParameter(f"datasets {options.what}: got no name, {hint}.")
    return getattr(command, options.what)(get(options.name))


def check(options) -> int:
    """Read every artifact of a run and say which are not as they were written."""
    from emolib.core.artifacts import damage

    found = damage(options.results, whole=True)
    print("\n".join(found) or f"{options.results}: nothing wrong")
    return int(bool(found))


def config(options) -> None:
    """Check a config; or print what one may say."""
    import yaml

    from emolib.core.config import check_config, reference
    from emolib.models import check_source

    if options.file is None:
        return print(reference(), end="")
    try:
        with options.file.open(encoding="utf-8") as file:
            given = yaml.safe_load(file)
    except OSError as error:
        raise BadParameter(f"{options.file}: {error.strerror}, expected a config such as config/demo.yaml.") from error
    except (ValueError, yaml.YAMLError) as error:
        raise BadParameter(f"{options.file}: expected YAML: {error}.") from error
    check_config(given)
    for source, steps in given["sources"].items():
        check_source(source, steps)
    print(f"{options.file}: nothing wrong")


def profile(options) -> None:
    """List the people whom devices of this user know; or erase one."""
    if options.what == "erase":
        return erase(options.name)
    for name, (n_windows, n_bytes) in kept().items():
        print(f"{name}: {n_windows} windows heard, {n_bytes} bytes")


def models(options) -> None:
    """Print the models that come with emolib, their classes, and under what terms the data that trained them stand."""
    for name, entry in pretrained().models.items():
        print(f"{name}: {', '.join(entry['classes'])} (trained on data of these terms: {entry['licence']})")


def publish(options) -> None:
    from emolib.report.publish import publish

    publish(options.results)


def push(options) -> None:
    from emolib.core import storage

    print(f"{len(storage.push(options.results, options.url))} files copied to {options.url}")


def pull(options) -> None:
    from emolib.core import storage

    print(f"{len(storage.pull(options.url, options.results))} files copied to {options.results}")


def meter(options) -> None:
    from emolib.evaluation.energy.sensors import record

    record(options.log, options.sensor, options.rate, options.seconds)


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str:
        nothing = action.default is False or action.default in (None, "", [])
        return action.help if nothing else super()._get_help_string(action)


class Command(argparse.ArgumentParser):
    """A command's arguments, with those that several commands take."""

    def bundle(self, default: str | None = None) -> None:
        self.add_argument(
            "bundle",
            nargs="?" if default else None,
            default=default,
            type=lambda text: models_folder() if text == "pretrained" else Path(text),
            help="its folder, or pretrained: the models that come with emolib",
        )

    def model(self, instead_of: str = "the bundle's default") -> None:
        told = f"a source or detector instead of {instead_of}; repeatable"
        self.add_argument("--model", action="append", default=[], help=told)

    def profile(self) -> None:
        told = "keep what models learn of a person under this name, on this machine; `emolib profile` erases it"
        self.add_argument("--profile", default="", metavar="NAME", help=told)

    def source(self, what: str) -> None:
        forms = "heart=file:BVP.csv, speech=microphone, face=camera:0, eeg=lsl:NAME, …; repeatable"
        form = "MODALITY=KIND[:WHERE]"
        self.add_argument("--source", action="append", default=[], metavar=form, help=f"{what} {forms}")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="emolib", description=__doc__)
    made.add_argument("--version", action="version", version=f"emolib {__version__}")
    commands = made.add_subparsers(required=True, metavar="command", parser_class=Command)

    def command(do: Callable, told: str) -> Command:
        whole = f"{told[0].upper()}{told[1:]}."
        one = commands.add_parser(do.__name__, help=told, description=whole, formatter_class=Help)
        one.set_defaults(do=do)
        return one

    one = command(live, "a page with your camera and microphone, on this computer alone")
    one.bundle(default="pretrained")
    one.source("beside the browser, or instead of its own:")
    one.add_argument("--port", type=int, default=0, help="of the page; 0 is a free one")
    one.add_argument("--no-browser", action="store_true", help="print the address only")
    one.add_argument("--keep", type=Path, help="append every answer to this file, a line of JSON each")
    one.profile()
    one.model()
    one = command(run, "a bundle's answer for recordings in files, or for live sources")
    one.bundle()
    for modality in READERS:
        told = "a recording in a file; repeatable, of one person"
        one.add_argument(f"--{modality}", type=Path, action="append", help=told)
    one.add_argument("--picture", type=Path, help="faces are found in it first; --face is one face")
    one.source("an answer every hop from")
    one.add_argument("--seconds", type=float, help="of sources, then end")
    one.add_argument("--hop-s", type=float, default=HOP_S, help="of sources, seconds between answers")
    one.add_argument("--threads", type=int, default=1, help="of sources, those of each interpreter")
    one.add_argument("--json", action="store_true", help="of sources, a line of JSON each hop")
    one.profile()
    one.model()
    one = command(profile, "list or erase the people whom models have learned")
    one.add_argument("what", choices=("list", "erase"), help="what to do")
    one.add_argument("name", nargs="?", default="", help="whom to erase")
    command(models, "the models that come with emolib")
    one = command(bench, "measured latency, memory and energy of a bundle on this machine")
    one.bundle()
    one.add_argument("--repeats", type=int, default=200, help="runs of each model")
    repeatable = {"action": "append", "default": []}
    one.add_argument("--backend", choices=BACKENDS, help="instead of all here but tensorflow; repeatable", **repeatable)
    one.add_argument("--threads", type=int, help="instead of one and as many as cores; repeatable", **repeatable)
    one.add_argument("--seconds", type=float, default=10.0, help="of streaming, 0 for none")
    told = "run each model beside a power meter's log, write here what ran when"
    one.add_argument("--markers", type=Path, help=told)
    one.add_argument("--json", action="store_true", help="print a JSON object instead of lines")
    one.model()
    one = command(firmware, "a bundle's models as C++ for tflite-micro")
    one.bundle()
    one.add_argument("--out", type=Path, required=True, help="the folder of the sources; older ones are replaced")
    one.add_argument("--results", type=Path, help="the run, for test windows as vectors; else seeded noise")
    one.model("all")
    one = command(datasets, "list, check or fetch corpora")
    one.add_argument("what", choices=("list", "check", "fetch"), help="check loads all of a corpus and counts")
    one.add_argument("name", nargs="?", help="a corpus")
    one = command(check, "whether a run's artifacts are as they were written")
    one.add_argument("results", type=Path, help="the run's folder, such as results/demo")
    one = command(config, "check a run's config, or print what one may say")
    one.add_argument("file", type=Path, nargs="?", help="such as config/demo.yaml")
    one = command(export, "a run's int8 models as a bundle")
    one.add_argument("results", type=Path, help="the run's folder, such as results/demo")
    one.add_argument("--out", type=Path, required=True, help="the bundle's folder; an older bundle is replaced")
    one.add_argument("--fold", type=int, default=0, help="whose models are taken")
    one.add_argument("--keras", action="store_true", help="also the float32 networks, to train on")
    one.add_argument("--add", action="store_true", help="keep what the bundle holds of other runs")
    one.model("all of the run")
    one = command(publish, "a run's numbers into docs/ and README")
    one.add_argument("results", type=Path, help="the run's folder")
    one = command(push, "copy a run to any file system that fsspec knows")
    one.add_argument("results", type=Path, help="the run's folder")
    one.add_argument("url", help="such as s3://bucket/real")
    one = command(pull, "copy a run back")
    one.add_argument("url", help="such as s3://bucket/real")
    one.add_argument("results", type=Path, help="the run's folder")
    one = command(meter, "log a power sensor of this machine until Ctrl-C")
    one.add_argument("log", type=Path, help="the CSV to write")
    one.add_argument("--sensor", default="", help="its name; without, the widest that answers")
    one.add_argument("--rate", type=float, default=10.0, help="readings a second")
    one.add_argument("--seconds", type=float, default=86400.0, help="at most")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0; 1 with one line on stderr for what a user can mend; 2 for a corpus that only a person can get."""
    options = parser().parse_args(arguments)
    return exit_status(lambda: options.do(options))


if __name__ == "__main__":
    sys.exit(main())
