"""How models run on the machine: number formats, parallel batches, process groups, clusters, memory, model loading.

Imports only the floor; nothing here depends on recipes, tasks or data.
"""
