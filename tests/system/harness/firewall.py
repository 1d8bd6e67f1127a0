"""What stands in the gateway's iptables and nftables, to prove what was and was not touched."""

import re


def rules(lab):
    """Every rule of both IP versions, and every nft table that is not iptables' own, as one text without counters."""
    texts = [lab.gateway.run(f"{tool}-save").stdout for tool in ("iptables", "ip6tables")]
    texts.append(lab.gateway.run("nft", "list", "ruleset", check=False).stdout)
    text = "\n".join(texts)
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\[\d+:\d+\]|counter packets \d+ bytes \d+", "", text)
    return text


def own_rules(lab):
    """The lines that are finwaitd's."""
    return [line for line in rules(lab).splitlines() if "finwaitd" in line.lower() or "queue" in line.lower()]
