"""The companion's machinery, in the order in which data flow: nothing imports what comes after it.

- `specifications`: what a run is, before it runs
- `evaluation`: a trained model to metrics
- `runs`: what is missing is trained, evaluated and recorded
- `tables`: records beside the printed numbers
- `verdicts`: claims of the paper, judged by tables and records
- `pages`, `figures`: what a chapter prints and draws
- `benchmarks`: what is measured of a machine
- `site`: the book around its chapters
- `cli`: the command `decnn`
"""
