"""Rate cards for tests: one rate as text, and a folder with a card of such rates."""


def rate(price="0.008", starts="2024-01-01", ends=None, regions='["us-east-1"]', **other):
    select = other.get(
        "select",
        'service = "bedrock", capability = "on_demand", provider = "Anthropic", '
        'model = "Claude 2.0", token_type = "input"',
    )
    return (
        f"[[rate]]\nselect = {{ {select} }}\nregions = {regions}\nprice = {price}\n"
        f'unit = "{other.get("unit", "1K tokens")}"\nstarts = {starts}\n'
        + (f"ends = {ends}\n" if ends else "")
        + f'reference = "x"\nchecked = 2024-01-01\n{other.get("more", "")}\n'
    )


def write_cards(tmp_path, *tables, name="ours"):
    """Write one card of these rates; return its folder."""
    path = tmp_path / "cards"
    path.mkdir(parents=True, exist_ok=True)
    head = f'card = "{name}"\nsource = "y"\n'
    (path / f"{name}.toml").write_text(head + "".join(tables), "utf-8")
    return path
