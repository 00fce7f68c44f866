"""From the pages' chunks to one file: reads, decodes, composes, joins and packs. A program of its own, without Django.

Bytes that browsers sent are parsed here and nowhere else. Other code uses `archives.media.runner`, which starts this
package as a subprocess with limits and imports nothing that reads media.
"""
