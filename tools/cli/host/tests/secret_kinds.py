"""Secrets of every kind that redaction knows, made up anew from a seed. Each is (name, text before it,
secret, text after it): the secret must never be seen, the rest may."""
import base64
import random
import string

WORD = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def letters(self, count, of=WORD):
        """Some, with a digit, a capital and a small letter where there are such."""
        while True:
            out = "".join(self.random.choice(of) for _ in range(count))
            if of is HEX or (any(c.isdigit() for c in out) and any(c.isupper() for c in out)):
                if of is not HEX or any(c.isdigit() for c in out):
                    return out

    def capitals(self, count):
        return self.letters(count, string.ascii_uppercase + string.digits)

    def key_block(self, kind):
        lines = "\n".join(base64.b64encode(self.random.randbytes(48)).decode() for _ in range(8))
        return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"

    def jwt(self):
        parts = [base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"%d"}' % self.random.randrange(10**9)),
                 base64.urlsafe_b64encode(b'{"sub":"%d","admin":true}' % self.random.randrange(10**9)),
                 base64.urlsafe_b64encode(self.random.randbytes(32))]
        return b".".join(p.rstrip(b"=") for p in parts).decode()

    def all(self):
        n = self.letters
        prefixed = {
            "github": ("ghp_", n(36)), "github-app": ("ghs_", n(36)), "github-fine": ("github_pat_", n(22) + "_" + n(59)),
            "gitlab": ("glpat-", n(20)), "aws": ("AKIA", self.capitals(16)), "aws-session": ("ASIA", self.capitals(16)),
            "anthropic": ("sk-ant-api03-", n(60)), "openai": ("sk-proj-", n(48)), "openai-old": ("sk-", n(48)),
            "stripe": ("sk_live_", n(24)), "stripe-restricted": ("rk_live_", n(24)), "google": ("AIza", n(35)),
            "google-oauth": ("ya29.", n(60)), "slack": ("xoxb-", f"{self.random.randrange(10**11, 10**12)}-{n(24)}"),
            "npm": ("npm_", n(36)), "pypi": ("pypi-", n(60)), "huggingface": ("hf_", n(34)),
            "digitalocean": ("dop_v1_", n(64, HEX)), "sendgrid": ("SG.", n(22) + "." + n(43)),
            "shopify": ("shpat_", n(32, HEX)), "vault": ("hvs.", n(24)), "docker": ("dckr_pat_", n(27)),
            "grafana": ("glsa_", n(32)), "tailscale": ("tskey-", f"auth-{n(12)}-{n(20)}"),
        }
        out = [(name, "", a + b, "") for name, (a, b) in prefixed.items()]
        out += [
            ("web token", "", self.jwt(), ""),
            ("private key", "", self.key_block("RSA "), ""),
            ("openssh key", "", self.key_block("OPENSSH "), ""),
            ("bearer", "Authorization: Bearer ", n(40), "\n"),
            ("basic", "Authorization: Basic ", base64.b64encode(n(18).encode()).decode(), "\n"),
            ("api key header", "X-Api-Key: ", n(24), "\n"),
            ("cookie", "Set-Cookie: ", f"sid={n(24)}; Path=/", "\n"),
            ("url password", "postgres://app:", n(16), "@db.example.com:5432/app"),
            ("env password", "DB_PASSWORD=", n(14), "\n"),
            ("env secret key", "export SECRET_KEY=", n(30) + "&;!" + n(10), "\n"),
            ("aws secret", "AWS_SECRET_ACCESS_KEY=", n(20) + "/" + n(19), "\n"),
            ("yaml password", "  password: ", n(12), "\n"),
            ("ini password", "password = ", n(12), "\n"),
            ("json password", '{"password": "', n(12), '"}'),
            ("json in json", '{\\"client_secret\\": \\"', n(20), '\\"}'),
            ("connection string", "Server=db;User Id=sa;Password=", n(16), ";Encrypt=true"),
            ("account key", "AccountName=x;AccountKey=", base64.b64encode(self.random.randbytes(64)).decode(), ";"),
            ("flag", "tool --api-key ", n(24), " --verbose"),
            ("curl user", "curl -u admin:", n(16), " https://example.com"),
            ("query", "https://example.com/?access_token=", n(24), "&page=2"),
            ("configured", "ticket ", "CORP-" + n(24, HEX), " is open"),
        ]
        return out
