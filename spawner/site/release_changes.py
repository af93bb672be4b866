"""What changed from one release to the next: kernels that came or went, packages at another version."""

from __future__ import annotations

from dataclasses import dataclass

from .release import Release
from .software import Kernel


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package of a kernel at another version; ``before`` or ``after`` is empty where it came or went."""

    package: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class KernelChange:
    """A kernel that both releases have, with the packages that are not the same."""

    kernel: Kernel
    packages: tuple[PackageChange, ...]


@dataclass(frozen=True, slots=True)
class ReleaseChanges:
    """What is other in a release than in the one before: kernels by their names, and in those of both the packages."""

    since: Release
    came: tuple[Kernel, ...]
    went: tuple[Kernel, ...]
    changed: tuple[KernelChange, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known to be other."""
        return not (self.came or self.went or self.changed)


def changes_since(release: Release, before: Release) -> ReleaseChanges:
    """Return what changed in ``release`` since ``before``, in the release's own order."""
    changed = []
    for kernel in release.kernels:
        old = before.kernel(kernel.name)
        if old is not None and (packages := _packages(kernel, old)):
            changed.append(KernelChange(kernel, packages))
    return ReleaseChanges(
        since=before,
        came=tuple(kernel for kernel in release.kernels if before.kernel(kernel.name) is None),
        went=tuple(kernel for kernel in before.kernels if release.kernel(kernel.name) is None),
        changed=tuple(changed),
    )


def _packages(kernel: Kernel, old: Kernel) -> tuple[PackageChange, ...]:
    names = dict.fromkeys((*kernel.packages, *old.packages))
    pairs = ((name, old.packages.get(name, ""), kernel.packages.get(name, "")) for name in names)
    return tuple(PackageChange(name, before, after) for name, before, after in pairs if before != after)
