# Each target sets up what it needs. Variables: CONFIG, EMOLIB_DATA, CORES, PYTHON, FORCE (a rule to run again),
# PROFILE (slurm: jobs of a cluster instead of this machine's cores).
CONFIG ?= config/demo.yaml
CORES ?= all
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready

export EMOLIB_DATA
export JUPYTER_PREFER_ENV_PATH = 1
export TF_CPP_MIN_LOG_LEVEL = 3

.PHONY: reproduce test lab lint lock notebooks clean
.DELETE_ON_ERROR:

reproduce: $(READY)
	@$(BIN)/snakemake --configfile $(CONFIG) $(if $(PROFILE),--profile config/$(PROFILE),--cores $(CORES)) --rerun-incomplete --nolock $(if $(FORCE),--forcerun $(FORCE))

test: $(READY) lint
	$(BIN)/python -m pytest tests/unit tests/acceptance -n 2 --dist loadscope
	$(BIN)/python -m pytest --nbval-lax notebooks # completes the demo run
	$(BIN)/python -m pytest tests/integration -n 2 --dist loadscope # reads it, among others

lab: $(READY)
	$(BIN)/jupyter lab notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.lock
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock: # after a change in pyproject.toml; needs uv
	uv pip compile pyproject.toml --extra lab --universal --python-version 3.11 --prerelease if-necessary \
	  --generate-hashes --no-header --no-annotate --quiet --output-file requirements.lock
	sed -n '/^uv==/,/^[a-tv-z]/p' requirements.lock | sed '$$d' > requirements-uv.lock

notebooks: $(READY) # run the committed notebooks in place, so that they keep their outputs
	$(BIN)/python -m emolib.notebook notebooks

clean:
	rm -rf results .snakemake
