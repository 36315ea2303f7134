"""The rules: pure Python, standard library only.

No async, no clock, no I/O, no logging, no Home Assistant: time is an argument, and whatever happens
is a value that somebody else carries out. Reading order: `limits`, `model`, `dose`, `allowed`,
`program`, `constraints`, `screening`, `person`, `ledger`, `windows`, `safety`, `session`; then
`steps`, `routine`, `evening`, and `plan`, `agenda`.
"""
