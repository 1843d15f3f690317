# Each target sets up what it needs. Variables: CONFIG, EMOLIB_DATA, CORES, PYTHON, FORCE (a rule to run again),
# PROFILE (slurm: jobs of a cluster instead of this machine's cores).
CONFIG ?= config/demo.yaml
CORES ?= all
PYTHON ?= python3.11 python3.12 python3.13 python3
BIN := .venv/bin
READY := .venv/.ready

export EMOLIB_DATA
export JUPYTER_PREFER_ENV_PATH = 1
export TF_CPP_MIN_LOG_LEVEL = 3

.PHONY: reproduce test lab lint lock notebooks clean
.DELETE_ON_ERROR:

reproduce: $(READY)
	@$(BIN)/emolib config "$(CONFIG)" > /dev/null
	@$(BIN)/snakemake --configfile "$(CONFIG)" $(if $(PROFILE),--profile config/$(PROFILE),--cores $(CORES)) --rerun-incomplete --nolock $(if $(FORCE),--forcerun $(FORCE))

test: $(READY) lint
	$(BIN)/python -m pytest tests/unit tests/acceptance -n 2 --dist loadscope
	$(BIN)/python -m pytest --nbval-lax notebooks -n 2 --dist loadfile # completes the demo run
	$(BIN)/python -m pytest tests/integration -n 2 --dist loadscope # reads it, among others

lab: $(READY)
	$(BIN)/jupyter lab notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

# The first of PYTHON on the path that fits; 3.11 alone has tflite-runtime. LOOK is run to know: a name may lead nowhere (so
# each folder is tried), and Debian packages venv apart.
LOOK := import sys, importlib.util as u; venv = u.find_spec("ensurepip"); fits = (3, 11) <= sys.version_info < (3, 14); \
  print(sys.executable, sys.version.split()[0] + (";" if venv else " without venv;")); sys.exit(not (venv and fits))
FITTING = $(or $(shell IFS=:; for name in $(PYTHON); do for folder in "" $$PATH; do python="$${folder:+$$folder/}$$name"; \
  "$$python" -c '$(LOOK)' >/dev/null 2>&1 && echo "$$python" && exit; done; done),$(error Python: found \
  $(or $(shell for name in $(PYTHON); do "$$name" -c '$(LOOK)' 2>/dev/null; done),none;) expected 3.11, 3.12 or 3.13 with \
  venv: apt install python3 python3-venv, or uv python install 3.13 and make PYTHON=$$(uv python find 3.13)))

$(READY): requirements.lock pyproject.toml
	"$(FITTING)" -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.lock
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock: # after a change in pyproject.toml; needs uv
	uv pip compile pyproject.toml --extra lab --universal --python-version 3.11 --prerelease if-necessary \
	  --generate-hashes --no-header --no-annotate --quiet --output-file requirements.lock
	sed -n '/^uv==/,/^[a-tv-z]/p' requirements.lock | sed '$$d' > requirements-uv.lock

notebooks: $(READY) # run the committed notebooks in place, so that they keep their outputs
	$(BIN)/python -m emolib.core.notebook notebooks

clean:
	rm -rf results .snakemake
