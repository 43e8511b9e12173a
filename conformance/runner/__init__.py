"""The conformance runner; see conformance/README.md."""
