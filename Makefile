# What people type. Everything that is missing is installed by scripts/prepare.
.PHONY: run test lint bench web prepare

run:
	@scripts/run

test:
	@scripts/test

lint:
	@scripts/lint

bench:
	@scripts/bench

web: ; @scripts/prepare run && scripts/web-build
