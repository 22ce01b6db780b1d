"""What a platform needs as its users grow: needs, dates, costs, and the bottlenecks to be lifted on the way. Pure."""
