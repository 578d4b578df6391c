"""The floor that makes a bundle: data, networks, training, evaluation, report, export. Needs PyTorch."""

from fingerspell.lab.allocator import keep_large_blocks

keep_large_blocks()
