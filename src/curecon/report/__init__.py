"""What a person gets to see of an audit: the terminal, and the files of `--out`.

Everything here is made of one `AuditResult` and of nothing else. Text that comes from a bill is
hostile until it has passed `text.visible`; dollars of different periods, payers or currencies are
never added together.
"""
