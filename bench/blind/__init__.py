"""Bills by somebody who has not seen the product: written from AWS's documents alone.

It shares no code with curecon, its simulator or its tests, so that what both got wrong together
shows. `python -m bench.blind` writes bills, audits them and counts what was found.
"""
