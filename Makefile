# `make demo` and `make test` do their own set-up: Debian packages, a .venv in this folder, locked wheels.
PYTHON ?= python3
SECONDS ?= 0
RELEASE ?= $(shell . /etc/os-release && echo $$VERSION_CODENAME)
ARCH ?= $(shell dpkg --print-architecture)

tag := $(shell $(PYTHON) -c 'import sys; print("py%d%d" % sys.version_info[:2])')
locks := deploy/locks
venv := .venv
# One stamp file for each environment; its name says what is installed.
demo_ready := $(venv)/.demo-$(tag)
dev_ready := $(venv)/.dev-$(tag)
tflite_ready := .venv-tflite/.ready-$(tag)
ansible_ready := .venv-ansible/.ready-$(tag)
asyncapi_ready := build/asyncapi/.ready
prometheus_ready := build/prometheus/.ready
release_ready := .venv-release/.ready-$(tag)
collections := build/collections
pip := -m pip --disable-pip-version-check --quiet

# Tests wait much of their time, so they run in parallel. The tests of one file stay together, in order.
parallel := --numprocesses auto --maxprocesses 4 --dist loadfile

# What runs the tests; .ci/run has another.
pytest := -m pytest

# Packages for the system tests only: larger, and built in a fifth of the time.
quick := EDGED_PACKAGES=$(CURDIR)/build/quick DPKG_DEB_COMPRESSOR_TYPE=gzip DPKG_DEB_COMPRESSOR_LEVEL=1

# tflite-runtime has no wheel for Python 3.12 and later.
both_runtimes := $(filter py311,$(tag))

# The benchmark's model and clip, where the test data are; else the bundled model, and no clip.
bench_folder := $(or $(EDGED_TEST_DATA),../shared/data)
bench_model := $(wildcard $(bench_folder)/models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite)
bench_clip := $(wildcard $(bench_folder)/video/one-by-one-person-detection.mp4)
bench_files := $(if $(bench_model),--model $(bench_model) $(if $(bench_clip),--clip $(bench_clip)))

# Draws diagrams, for docs-pictures only.
mermaid_version := 11.17.2
mermaid := mermaid-$(mermaid_version).tgz

# Every page is read anew: Sphinx does not repeat the warnings of pages that it has read before.
sphinx := $(venv)/bin/python -m sphinx -q -E -W --keep-going -c docs/site -d build/docs-pages .

.DEFAULT_GOAL := help
.PHONY: help demo demo-picture docs-pictures page-pictures demo-update test test-litert test-tflite check docs figures format bench bench-plots system system-fleet system-device campaign probation-table fuzz ansible-environment ansible-check asyncapi-environment prometheus-environment deb debs release-check lock clean packages-demo packages-test packages-system packages-pictures

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | awk -F': ' '{printf "make %-20s %s\n", $$1, $$2}'

demo: $(demo_ready) ## camera to MQTT on this machine, live; SECONDS=20 stops it after 20 s
	@$(venv)/bin/edged demo --seconds $(SECONDS)

demo-picture: $(demo_ready) ## make docs/demo.svg again, from what the demo shows
	$(venv)/bin/edged demo --seconds 25 --svg docs/demo.svg

docs-pictures: $(dev_ready) demo-picture page-pictures | packages-pictures ## make the pictures of the documentation again: the demo, the page, and the diagrams
	@mkdir -p build/mermaid
	@test -e build/mermaid/$(mermaid) || npm pack --silent --pack-destination build/mermaid mermaid@$(mermaid_version)
	tar -xzf build/mermaid/$(mermaid) -C build/mermaid package/dist/mermaid.min.js
	$(venv)/bin/python docs/site/draw.py build/mermaid/package/dist/mermaid.min.js

page-pictures: $(dev_ready) | packages-pictures ## make the pictures of the page in docs/ again
	PYTHONPATH=.:tests $(venv)/bin/python -m system.page.pictures docs

demo-update: $(demo_ready) ## a model update that is committed and one that is rolled back, live; takes half a minute
	@$(venv)/bin/edged demo --update

test: $(if $(both_runtimes),test-tflite) test-litert ## all tests, on each runtime that this Python supports

test-litert: $(dev_ready)
	$(venv)/bin/python $(pytest) $(parallel)

test-tflite: $(tflite_ready)
	.venv-tflite/bin/python $(pytest) $(parallel) -m "runtime and not campaign"

check: $(dev_ready) ## format, lint, types, floors, spelling, links of the documentation
	$(venv)/bin/ruff format --check .
	$(venv)/bin/ruff check .
	$(venv)/bin/mypy
	$(venv)/bin/lint-imports
	$(venv)/bin/codespell
	$(sphinx) build/docs-check -b dummy

docs: $(dev_ready) ## build the documentation's site in build/docs
	$(sphinx) build/docs -b html

figures: $(dev_ready) ## measure sizes, cycles, docstrings and names, and compare them with their limits
	@PYTHONPATH=tests $(venv)/bin/python -m figures

format: $(dev_ready) ## format the code
	$(venv)/bin/ruff format .
	$(venv)/bin/ruff check --fix .

bench: $(dev_ready) ## measure the daemon against the bare interpreter and a tutorial loop; BENCH="--against REF --out FILE" adds options
	$(venv)/bin/edged bench $(bench_files) $(BENCH)

bench-plots: $(dev_ready) ## the same, and draw it into docs/ (needs the extra plots)
	$(venv)/bin/edged bench $(bench_files) --plots docs $(BENCH)

system: $(dev_ready) $(ansible_ready) | packages-system ## system tests in containers that boot systemd, with the packages of this checkout; needs root
	$(quick) $(MAKE) debs
	$(quick) $(MAKE) --jobs=2 --keep-going system-fleet system-device

system-fleet:
	$(venv)/bin/python $(pytest) -v tests/system/fleet

system-device:
	$(venv)/bin/python $(pytest) -v tests/system --ignore tests/system/fleet

probation-table: $(dev_ready) ## the table of error rates in docs/updates.md, by simulation
	PYTHONPATH=tests $(venv)/bin/python -m probation_table

campaign: $(dev_ready) ## the full forms of the tests that make test runs on a random sample
	$(venv)/bin/python -m pytest -m campaign --timeout 3600

fuzz: $(dev_ready) ## test random envelopes, manifests and tars for a minute (needs the extra fuzz)
	$(venv)/bin/python tests/fuzz/fuzz_bundle.py -max_total_time=60

ansible-environment: $(ansible_ready) ## set up Ansible in .venv-ansible: make test then runs the tests that need it

ansible-check: $(ansible_ready) ## lint, check and build the Ansible collection
	@mkdir -p $(collections)/ansible_collections/edged
	@ln -sfn $(CURDIR)/ansible $(collections)/ansible_collections/edged/fleet
	cd ansible && PATH=$(CURDIR)/.venv-ansible/bin:$$PATH ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(collections) ansible-lint --offline
	cd ansible && ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(collections) $(CURDIR)/.venv-ansible/bin/ansible-playbook --syntax-check -i inventory/example playbooks/*.yml
	.venv-ansible/bin/python ansible/tools/role_readme.py --check
	.venv-ansible/bin/ansible-galaxy collection build --force --output-path dist ansible

asyncapi-environment: $(asyncapi_ready) ## set up the parser of AsyncAPI documents: make test then checks docs/asyncapi.json with it (needs npm)

prometheus-environment: $(prometheus_ready) ## unpack Debian's Prometheus in build/, without its service: make test then loads deploy/prometheus and deploy/grafana into it

deb: | packages-demo ## build the Debian package for this system in dist/; RELEASE=trixie ARCH=arm64 for another
	deploy/debian/build $(RELEASE) $(ARCH)

debs: | packages-demo ## build the Debian packages for both releases and both architectures
	deploy/debian/build bookworm amd64
	deploy/debian/build bookworm arm64
	deploy/debian/build trixie amd64
	deploy/debian/build trixie arm64

release-check: $(release_ready) ## check a release in dist/: version, changelog, bills of materials, lintian, advisories about what devices carry
	.venv-release/bin/python deploy/release/check.py

lock: ## update the lock files (needs uv)
	$(locks)/update

clean: ## remove environments, build output and caches
	rm -rf .venv .venv-tflite .venv-ansible .venv-release build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .fuzz

packages-demo:
	@.ci/debian-packages $(if $(shell $(PYTHON) -c 'import ensurepip' 2>&1),python3-venv)

packages-test: packages-demo
	@.ci/debian-packages mosquitto mosquitto-clients openssl gcc libc6-dev pkg-config libsystemd-dev $(if $(wildcard $(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h),,python3-dev)

packages-system: packages-test
	@.ci/debian-packages systemd-container mmdebstrap iproute2 openssh-client lintian chromium

packages-pictures: packages-test
	@.ci/debian-packages chromium npm

$(locks)/%-$(tag).txt:
	@echo "edged has no lock file for this Python ($(tag)): use PYTHON=python3.11 or PYTHON=python3.13" >&2; exit 1

$(demo_ready): $(locks)/demo-$(tag).txt pyproject.toml | packages-demo
	@echo "edged sets up $(venv)"
	@test -x $(venv)/bin/python || $(PYTHON) -m venv $(venv)
	@$(venv)/bin/python $(pip) install --require-hashes -r $<
	@$(venv)/bin/python $(pip) install --no-deps --editable .
	@touch $@

$(dev_ready): $(locks)/dev-$(tag).txt pyproject.toml | packages-test
	@echo "edged sets up $(venv) for development"
	@test -x $(venv)/bin/python || $(PYTHON) -m venv $(venv)
	@$(venv)/bin/python $(pip) install --require-hashes -r $<
	@$(venv)/bin/python $(pip) install --no-deps --editable .
	@touch $@ $(demo_ready)

$(tflite_ready): $(locks)/tflite-$(tag).txt pyproject.toml | packages-test
	@echo "edged sets up .venv-tflite for the other runtime"
	@test -x .venv-tflite/bin/python || $(PYTHON) -m venv .venv-tflite
	@.venv-tflite/bin/python $(pip) install --require-hashes -r $<
	@.venv-tflite/bin/python $(pip) install --no-deps --editable .
	@touch $@

$(ansible_ready): $(locks)/ansible-$(tag).txt
	@echo "edged sets up .venv-ansible for Ansible"
	@test -x .venv-ansible/bin/python || $(PYTHON) -m venv .venv-ansible
	@.venv-ansible/bin/python $(pip) install --require-hashes -r $<
	@touch $@

$(asyncapi_ready): tests/support/asyncapi/package-lock.json
	@mkdir -p $(@D)
	@cp tests/support/asyncapi/package.json $< $(@D)
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Installed, the package would start a service that listens on every address.
$(prometheus_ready):
	@mkdir -p $(@D)
	@cd $(@D) && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb
	@touch $@

$(release_ready): $(locks)/release-$(tag).txt | packages-demo
	@echo "edged sets up .venv-release"
	@test -x .venv-release/bin/python || $(PYTHON) -m venv .venv-release
	@.venv-release/bin/python $(pip) install --require-hashes -r $<
	@touch $@
