"""The words that the generated rows are made of."""

from __future__ import annotations


def words(text: str) -> list[str]:
    """Text rather than lists: readable, and not a line a word."""
    return text.split()


FIRST_NAMES = words("""
    Ada Adam Agnes Albert Alice Amara Amir Anna Anton Aria Arthur Astrid Ava Ben Bianca Boris Bruno Carla Carlos Cecilia
    Chen Clara Daniel Daria David Diana Dimitri Edith Elena Elias Ella Emil Emma Erik Esther Eva Farid Felix Fiona Frank
    Freya Gabriel Georg Grace Greta Hanna Hassan Hugo Ida Igor Ines Ingrid Isaac Ivan Jana Jasper Joan Jonas Julia Kai Karim
    Karin Kira Lara Lena Leo Liam Lin Lucia Luis Lydia Magnus Malik Mara Marco Maria Maya Mila Milan Nadia Naomi Nora Olga
    Oscar Paul Petra Priya Rafael Rosa Ruth Samir Sara Simon Sofia Stefan Tara Tomas Vera Viktor Yara
""")
"""Every first name meets every last name once: 100 times 200 customers."""

LAST_NAMES = words("""
    Abbot Acker Adler Almeida Ames Amsel Arnold Ashby Bach Baker Barker Bauer Becker Bell Berg Bianchi Bishop Blake Bloom
    Bond Braun Brooks Brown Burke Carter Castro Chang Chase Clark Cole Conti Cook Costa Cruz Dahl Dale Davis Dean Diaz Dietz
    Dixon Drake Duarte Duncan Dunn Eaton Ebert Ellis Engel Evans Fabre Falk Farr Fischer Fleming Flores Ford Foster Fox
    Franco Frost Fuchs Gallo Garcia Gates Geiger Gibson Gomez Grant Gray Green Gross Gruber Haas Hahn Hale Hansen Harper
    Hart Hayes Heller Henry Herrera Hill Holm Holt Horn Howard Huber Hughes Hunt Ito Ivanov Jansen Jensen Jones Jordan
    Kaiser Kane Keller Kelly Kent Khan Kim King Klein Koch Kohl Kraus Kruger Lang Larsen Lee Lehmann Leone Lewis Lima
    Lindner Long Lopez Lorenz Lowe Lund Maier Mann Marsh Martin Mason Maurer Mayer Meyer Miller Moore Mora Moreno Morgan
    Moss Muller Nash Neumann Nolan Novak Nunez Okafor Olsen Ortiz Otto Owen Palmer Park Patel Paz Perez Peters Pierce Pinto
    Pohl Pope Porter Price Quinn Ramos Reed Reis Reyes Rice Richter Rios Rivera Roberts Rocha Rojas Romano Rose Ross Roth
    Rossi Ruiz Russo Ryan Salas Santos Sato Sauer Schmidt Schulz Scott Shah Shaw Silva Simms Singh Smith Soto Stark Stein
    Stone Suzuki Tanaka Torres
""")
"""See FIRST_NAMES."""

CITIES = words("""
    Aarhus Basel Bergen Bilbao Bologna Bordeaux Bristol Brno Cork Dresden Gdansk Geneva Ghent Graz Leeds Leipzig Lille Linz
    Lyon Malmo Nantes Odense Parma Porto Riga Seville Split Tartu Turku Utrecht Verona Vilnius
""")
"""Where customers live."""

PRODUCT_KINDS = words("""
    lamp chair desk shelf kettle mug bowl plate vase clock mirror basket blanket pillow rug bench stool tray frame candle
""")
"""Every kind comes in every material: 20 times 25 products."""

PRODUCT_MATERIALS = words("""
    oak pine birch walnut bamboo cork wool linen cotton felt clay glass steel brass copper marble slate rattan paper leather
    silk jute resin stone ash
""")
"""See PRODUCT_KINDS."""
