/// The words that generated invoices are made of.
enum Vocabulary {
  static let names = [
    "Abernathy", "Bergmann", "Castellano", "Dubois", "Eriksson", "Fontaine", "Grünwald", "Hashimoto",
    "Ibrahim",
    "Jørgensen", "Kowalski", "Lindqvist", "Marchetti", "Nakamura", "O'Hara", "Pereira", "Quinn", "Rossi",
    "Schäfer",
    "Takahashi", "Ueda", "Varga", "Whitfield", "Yamada", "Zimmermann",
  ]

  static let trades = [
    "Bookshop", "Joinery", "Bakery", "Clinic", "Studio", "Nursery", "Theatre", "Garage", "School",
  ]

  static let towns = [
    "Aarhus", "Bern", "Cork", "Dresden", "Évian", "Fukuoka", "Ghent", "Halifax", "Innsbruck", "Kyoto", "Lyon",
    "Malmö", "Norwich", "Oakland", "Porto", "Reading", "Savannah", "Turin",
  ]

  static let goods = [
    "Oak shelf", "Brass hinge", "Linen cloth", "Copper kettle", "Garden bench", "Desk lamp", "Wool blanket",
    "Steel ruler", "Paper ream", "Ink cartridge", "Window seal", "Door handle", "Cable drum", "Paint bucket",
    "Tile box", "Rope coil", "Glass jar", "Cork board", "Leather strap", "Ceramic bowl", "Pine plank",
    "Wall clock",
    "Coat hook", "Floor mat", "Tool chest", "Water filter", "Seed tray", "Canvas bag", "Iron bracket",
    "Cotton apron",
  ]

  static let sentences = [
    "Please pay within thirty days of the date above.",
    "Goods remain our property until they are paid for in full.",
    "The delivery was made to the back entrance, as you asked.",
    "We thank you for your order and look forward to the next.",
    "Two of the boxes were opened for inspection at the border.",
    "Returns are accepted within two weeks if the packing is whole.",
    "Our prices are fixed until the end of the quarter.",
    "The carrier noted light rain, but nothing was damaged.",
    "If something is missing, tell us at once and we will send it.",
    "This replaces the offer that we made in spring.",
    "The colours may differ a little from those in the catalogue.",
    "A discount was not agreed for this order.",
    "Spare parts are kept in stock for ten years.",
    "Assembly took the whole morning, and is not charged.",
    "The old pieces were taken away and recycled.",
    "Someone from your workshop signed for everything.",
  ]

  static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November",
    "December",
  ]
}
