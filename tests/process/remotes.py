"""Remote sides whose certificates and answers a test decides, and amoctl, for tests on a running stack."""
import json
import ssl

from egress_harness import Authority, Remote, answer  # noqa: F401


class Certificates(Authority):
    """Certificates of every kind, good and bad, made in a scratch directory."""

    def _context(self, stem):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.dir / f"{stem}.pem", self.dir / f"{stem}.key")
        return context

    def ending(self, days, name="localhost"):
        """One of our authority's that ends in so many days."""
        stem = f"ending{days}"
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", f"{stem}.key", "-out", f"{stem}.csr")
        (self.dir / f"{stem}.ext").write_text(f"subjectAltName=DNS:{name}\n")
        self._run("x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                  "-days", str(days), "-extfile", f"{stem}.ext", "-out", f"{stem}.pem")
        return self._context(stem)

    def self_signed(self, name="localhost"):
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                  "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", "self.key",
                  "-out", "self.pem")
        return self._context("self")


def amoctl(stack, *words, timeout=90):
    """The verb as an operator types it: (exit code, what it printed, what it complained)."""
    done = stack.operator(*words, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def amoctl_json(stack, *words):
    """(exit code, the one document it printed)."""
    code, said, _ = amoctl(stack, *words, "--json")
    return code, json.loads(said)
