"""uv is told what pip's configuration says."""

from __future__ import annotations

from private_slurm.uv import translated

LISTED = """\
:env:.cert='/etc/ssl/b.crt'
:env:.disable-pip-version-check='1'
global.cert='/etc/ssl/a.crt'
global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'
global.find-links='/opt/a /opt/b'
global.index-url='https://mirror.example/simple'
install.trusted-host='mirror.example'
a line that is none
global.index-url=broken
download.index-url='https://other.example/simple'
"""


def test_what_pip_prints() -> None:
    """Where packages come from, in uv's variables; what says nothing of that, or cannot be read, is passed over."""
    assert translated(LISTED) == {
        "SSL_CERT_FILE": "/etc/ssl/b.crt",
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
        "UV_FIND_LINKS": "/opt/a,/opt/b",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INSECURE_HOST": "mirror.example",
    }
    assert translated("") == {}
