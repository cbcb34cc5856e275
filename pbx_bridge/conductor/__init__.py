"""The loop: facts come in through one door (`take`), a pure table decides, one transaction remembers, one door
carries wishes out (`perform`). Nothing about a call lives only in memory.
"""
