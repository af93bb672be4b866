"""``resource-form releases check``: starts each release in a real job and looks whether it is what the catalogue says.

Runs where the Hub runs: unlike the other commands it reads the catalogue as the Hub does, and speaks to kernels. So it needs pydantic,
PyYAML and tornado, and nothing imports it until it is called for.
"""
