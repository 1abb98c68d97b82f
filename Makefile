# Two commands: `make book` builds the site, `make test` checks everything. PROFILE=smoke|reader|overnight|paper
PYTHON ?= python3
PROFILE ?= smoke
BIN := .venv/bin
# Threads that wait without spinning: on busy cores a spinning pair takes many times as long.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: book test clean
.DELETE_ON_ERROR:

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[companion]'
	touch $@

book: .venv/installed
	$(BIN)/decnn execute -p profile $(PROFILE)
	$(BIN)/decnn pages
	$(BIN)/jupyter-book build . --path-output book -W -n --keep-going --quiet
	@echo "the book: $(CURDIR)/book/_build/html/index.html"

# A cache of its own, empty at the start: no result of earlier code passes a test.
test: export DECNN_CACHE := $(CURDIR)/.cache/test
test: .venv/installed
	rm -rf $(DECNN_CACHE)
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest --ignore=tests/site
	DECNN_PROFILE=smoke $(BIN)/python -m pytest -o addopts= -W default --nbval-lax --nbval-current-env notebooks
	$(MAKE) book PROFILE=smoke
	$(BIN)/python -m pytest tests/site

clean:
	rm -rf book/_build book/chapters .cache
