"""The plain HTTP page that shows a phone how to trust the local authority.

It cannot be https: the phone that needs it does not trust us yet. So it serves two things only, the page and the
authority's public certificate, and tells people to compare the fingerprint with the one at the server's terminal.
"""

import base64
import hashlib
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from campus_patrol import certificate
from campus_patrol.certificate import Certificate

CERTIFICATE_PATH = "/campus-patrol-ca.crt"

STYLE = """
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 22%,transparent)}
body{font:17px/1.6 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif;max-width:38rem;margin:0 auto;padding:1.25rem}
h1{font-size:1.5rem;line-height:1.3}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 0}
a.go{display:block;padding:1rem;border-radius:.75rem;background:#1f5fd6;color:#fff;text-align:center;font-weight:600;
text-decoration:none;margin:.75rem 0}a.next{background:#1c7a43}
code{display:block;width:24ch;max-width:100%;font:15px/1.7 ui-monospace,monospace;overflow-wrap:anywhere;
border:1px solid var(--line);border-radius:.5rem;padding:.75rem}li{margin:.3rem 0}nav{text-align:right}
.why{border-left:4px solid #c98200;padding-left:.9rem}
"""

# Menus differ between makers; each list ends where the switch is, under the name this maker gives it.
TEXTS: dict[str, dict[str, Any]] = {
    "zh-CN": {
        "title": "让这部手机信任夜巡服务器",
        "why": "没有受信任的 HTTPS，手机浏览器不会开放摄像头，页面也不能离线使用。下面几步每部手机只做一次。",
        "download": "第一步：下载证书",
        "install": "第二步：安装",
        "compare": "第三步：核对指纹",
        "compare_how": "安装时或证书详情里的 SHA-256 指纹应与下面一致，也应与服务器屏幕上显示的一致。"
        "不一致就不要安装，已装上的请删除。",
        "open": "第四步：打开夜巡",
        "open_how": "如果仍提示“不安全”，说明证书还没有被信任，请回到第二步。",
        "scope": "这张证书只对本校内网的地址有效，不能用来冒充互联网上的网站。",
        "phones": (
            (
                "安卓（Android）",
                (
                    "打开“设置”，搜索“证书”；一般在“安全”→“加密与凭据”里。",
                    "点“安装证书”→“CA 证书”→“仍然安装”。",
                    "选择刚下载的 campus-patrol-ca.crt。",
                ),
            ),
            (
                "鸿蒙（HarmonyOS）",
                (
                    "打开“设置”，搜索“证书”；一般在“隐私和安全”→“高级”→“证书与凭据”里。",
                    "点“从存储设备安装”→“CA 证书”。",
                    "选择刚下载的 campus-patrol-ca.crt。",
                ),
            ),
            (
                "苹果（iPhone、iPad）",
                (
                    "用 Safari 打开本页并下载，点“允许”。",
                    "打开“设置”，点“已下载描述文件”，点“安装”。",
                    "再到“设置”→“通用”→“关于本机”→“证书信任设置”，打开 Campus Patrol 的开关。",
                ),
            ),
        ),
        "other": ("en", "English"),
    },
    "en": {
        "title": "Make this phone trust the patrol server",
        "why": "Without trusted HTTPS a phone's browser gives a page no camera and no offline use. "
        "Each phone needs these steps once.",
        "download": "Step 1: download the certificate",
        "install": "Step 2: install it",
        "compare": "Step 3: compare the fingerprint",
        "compare_how": "The certificate's details must show the SHA-256 fingerprint below, and the server's screen "
        "must show the same. If they differ, do not install it, or remove it again.",
        "open": "Step 4: open Campus Patrol",
        "open_how": "If the browser still says that it is not secure, the certificate is not trusted yet: "
        "go back to step 2.",
        "scope": "This certificate is good for addresses of the school's own network only; "
        "it cannot stand in for a site on the internet.",
        "phones": (
            (
                "Android",
                (
                    "Open Settings and search for “certificate”; usually Security, Encryption & credentials.",
                    "Tap Install a certificate, CA certificate, Install anyway.",
                    "Choose campus-patrol-ca.crt, which you just downloaded.",
                ),
            ),
            (
                "HarmonyOS",
                (
                    "Open Settings and search for “certificate”; usually Privacy & security, Advanced, "
                    "Certificates & credentials.",
                    "Tap Install from storage, CA certificate.",
                    "Choose campus-patrol-ca.crt, which you just downloaded.",
                ),
            ),
            (
                "iPhone and iPad",
                (
                    "Open this page in Safari, download, and tap Allow.",
                    "Open Settings, tap Profile Downloaded, tap Install.",
                    "Then Settings, General, About, Certificate Trust Settings: switch Campus Patrol on.",
                ),
            ),
        ),
        "other": ("zh-CN", "中文"),
    },
}


def page(language: str, *, address: str, fingerprint: str) -> str:
    """Return the page in one language; `address` is where the phone goes afterwards."""
    text = TEXTS[language]
    phones = "".join(
        f"<h3>{escape(name)}</h3><ol>{''.join(f'<li>{escape(step)}</li>' for step in steps)}</ol>"
        for name, steps in text["phones"]
    )
    other, label = text["other"]
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(text["title"])}</title>'
        f'<style>{STYLE}</style></head><body><nav><a href="/?lang={other}" lang="{other}">{label}</a></nav>'
        f'<main><h1>{escape(text["title"])}</h1><p class="why">{escape(text["why"])}</p>'
        f'<h2>{escape(text["download"])}</h2><a class="go" href="{CERTIFICATE_PATH}" download>campus-patrol-ca.crt</a>'
        f"<p>{escape(text['scope'])}</p><h2>{escape(text['install'])}</h2>{phones}"
        f"<h2>{escape(text['compare'])}</h2><p>{escape(text['compare_how'])}</p><code>{escape(fingerprint)}</code>"
        f'<h2>{escape(text["open"])}</h2><a class="go next" href="{escape(address)}">{escape(address)}</a>'
        f"<p>{escape(text['open_how'])}</p></main></body></html>"
    )


def language_for(query: str, accept: str) -> str:
    """Choose a language: the one asked for in the address, else the browser's first of ours, else Chinese."""
    for chosen in TEXTS:
        if f"lang={chosen}" == query:
            return chosen
    for part in accept.lower().split(","):
        if part.strip().startswith("zh"):
            return "zh-CN"
        if part.strip().startswith("en"):
            return "en"
    return "zh-CN"


def make_server(host: str, port: int, *, secure_port: int, trusted: Certificate) -> ThreadingHTTPServer:
    """Bind the page's server; the caller runs serve_forever in a thread of its own."""
    if trusted.authority is None:
        raise ValueError("only a certificate of the local authority has something to trust")
    ca = certificate.der(trusted.authority)
    fingerprint = certificate.fingerprint(trusted.authority)
    style_hash = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    fallback = next(
        (name for name in certificate.lan_addresses() if certificate.covers(trusted.names, name)), "localhost"
    )

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "CampusPatrol", ""
        timeout = 10

        def do_GET(self) -> None:
            self.answer(body=True)

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def answer(self, *, body: bool) -> None:
            url = urlsplit(self.path)
            status, kind, content = 200, "text/html; charset=utf-8", b""
            if url.path == "/":
                language = language_for(url.query, self.headers.get("Accept-Language", ""))
                content = page(language, address=self.secure_address(), fingerprint=fingerprint).encode()
            elif url.path == CERTIFICATE_PATH:
                # The type iOS and Android open their installer for.
                kind, content = "application/x-x509-ca-cert", ca
            else:
                status, kind, content = 404, "text/plain; charset=utf-8", b"Not here. The page is at /\n"
            self.send_response(status)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(content))),
                (
                    "Content-Security-Policy",
                    f"default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'",
                ),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
            ):
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def secure_address(self) -> str:
            """Lead the phone to the host it already reached us at, if the certificate names it."""
            try:
                asked = urlsplit("//" + self.headers.get("Host", "")).hostname or ""
            except ValueError:
                asked = ""
            name = asked if certificate.covers(trusted.names, asked) else fallback
            return address(name, secure_port)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Stay silent: phones' addresses do not belong on the terminal."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server


def address(host: str, port: int, *, secure: bool = True) -> str:
    """Write the address a person types, without the port where browsers know it."""
    scheme, usual = ("https", 443) if secure else ("http", 80)
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}/" if port == usual else f"{scheme}://{name}:{port}/"
