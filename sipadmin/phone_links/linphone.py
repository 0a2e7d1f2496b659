"""Settings of one account as Linphone's remote provisioning reads them: sections and entries in XML."""

from __future__ import annotations

from xml.etree import ElementTree

from sipadmin.phone_links.links import PhoneSettings

NAMESPACE = "http://www.linphone.org/xsds/lpconfig.xsd"


def linphone_xml(settings: PhoneSettings) -> bytes:
    """The document, UTF-8, with declaration."""
    user, domain = settings.user, settings.user.domain
    name = user.display_name.replace('"', "'").replace("\\", "")
    identity = f'"{name}" <{user.aor}>' if name else f"<{user.aor}>"
    sections = {
        # Linphone asks the same address again at each start unless it is taken out: this one works once.
        "misc": {"config-uri": ""},
        "sip": {"default_proxy": "0"},
        "proxy_0": {
            "reg_proxy": f"<{settings.server}>",
            "reg_route": f"<{settings.server};lr>",
            "reg_identity": identity,
            "reg_expires": str(domain.default_expires),
            "reg_sendregister": "1",
            "publish": "0",
        },
        "auth_info_0": {
            "username": user.username,
            "domain": domain.name,
            "realm": domain.effective_realm,
            "passwd": settings.password,
        },
    }
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.Element(f"{{{NAMESPACE}}}config")
    for section_name, entries in sections.items():
        section = ElementTree.SubElement(root, f"{{{NAMESPACE}}}section", name=section_name)
        for entry_name, value in entries.items():
            entry = ElementTree.SubElement(section, f"{{{NAMESPACE}}}entry", name=entry_name, overwrite="true")
            entry.text = value
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
