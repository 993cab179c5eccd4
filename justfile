# Recipes of the project; `just` lists them. What takes more than a line of shell is a task of `cargo xtask`.

[private]
default:
    @just --list --unsorted

# All that CI runs: format, lints, dependencies, gates, tests, docs, end to end
check:
    .ci/run

# Build the `lode` binary, optimised
build:
    cargo build --release --bin lode

# Run all tests; scenarios play on sandboxes
test *args:
    cargo test --workspace {{args}}

# Format the code
fmt:
    cargo fmt --all

# Run clippy as CI does
lint:
    .ci/run lints

# Check licences, sources and bans of dependencies
deny:
    .ci/run dependencies

# Check the gates of the house: layers, purity, sizes, docs, links
tidy:
    cargo xtask tidy

# Build the documentation of all crates
doc:
    .ci/run docs

# Start a real control plane on loopback
cluster-up *args:
    cargo xtask cluster up {{args}}

# Stop it
cluster-down *args:
    cargo xtask cluster down {{args}}

# Play the scenarios on a fresh real cluster
e2e *args:
    cargo xtask e2e {{args}}

# Replay recorded scenarios on a fresh cluster and print the scores
judge *args:
    cargo xtask judge {{args}}

# Measure: `just bench kustomizations 1000`
bench *args:
    cargo run --release --package bench -- {{args}}
