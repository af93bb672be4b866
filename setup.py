"""What setup.cfg cannot say: every package below ``spawner``, whichever there are, and the two folders that go with them."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["spawner", "spawner.*"]), "spawner.templates", "spawner.share"])
