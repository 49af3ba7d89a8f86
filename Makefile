# The commands that everybody uses; `make help` lists them.

export PATH := $(HOME)/.cargo/bin:$(PATH)
TARGET := $(or $(CARGO_TARGET_DIR),target)
STATE ?= /var/lib/hatchery
LISTEN ?= 127.0.0.1:5000
export STATE LISTEN

.DEFAULT_GOAL := help
.PHONY: help up down test

help: ## Show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14
	@echo '  STATE=DIR (now $(STATE)), LISTEN=ADDR:PORT (now $(LISTEN))'

up: ## Install what is missing, build, start the cloud, boot a first guest and show it
	scripts/setup run
	cargo build --release -p hatchery -p xtask
	$(TARGET)/release/xtask guest tiny --cache $(TARGET)/guest --out $(TARGET)/guest/tiny.qcow2
	scripts/first-guest

down: ## Stop the cloud and its guests, keep their data (WIPE=1 removes it)
	@scripts/down

test: ## Install what is missing, then run everything that a change must pass
	scripts/setup test
	cargo xtask ci
