"""One process at a time in a folder, and the lock of a killed one is free."""

import subprocess
import sys

from emolib.lock import hold

CODE = "import sys, time, pathlib; from emolib.lock import hold; file = hold(pathlib.Path(sys.argv[1])); print('has it', flush=True); time.sleep(60)"


def test_a_second_process_waits_until_the_first_is_killed(tmp_path):
    first, second = (
        subprocess.Popen([sys.executable, "-c", CODE, tmp_path / "run"], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    )
    try:
        [(one, said), (other, waits)] = sorted(
            ((process, process.stdout.readline()) for process in (first, second)),
            key=lambda pair: len(pair[1]),
        )
        assert said == "has it\n"
        assert waits == f"{tmp_path / 'run'} is being made by process {one.pid}: waiting for its end.\n"
        one.kill()
        assert other.stdout.readline() == "has it\n"
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_the_folder_is_free_again_at_once(tmp_path, capsys):
    for _ in range(2):
        hold(tmp_path / "run").close()
    assert capsys.readouterr().out == ""
