"""A certificate authority that is thrown away with its folder."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path

    @property
    def file(self) -> Path:
        """The certificate to trust."""
        return self.folder / "ca.pem"

    def issue(self, name: str, *, alternative: str, days: int = 2) -> Path:
        """Make a server's certificate and key, in one file."""
        _openssl(self.folder, *_new_key(name), "-subj", f"/CN={name}", "-out", f"{name}.csr")
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days), "-extfile")
        _openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", *signing, f"{name}.ext", "-out", f"{name}.crt")
        file = self.folder / f"{name}.pem"
        file.write_bytes((self.folder / f"{name}.key").read_bytes() + (self.folder / f"{name}.crt").read_bytes())
        return file


def new_authority(folder: Path) -> Authority:
    """Make an authority in an empty folder."""
    _openssl(folder, *_new_key("ca"), "-x509", "-subj", "/CN=Throw-away CA", "-days", "2", "-out", "ca.pem")
    return Authority(folder)


def _new_key(name: str) -> tuple[str, ...]:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    return ("req", "-new", *curve, "-nodes", "-keyout", f"{name}.key")


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
