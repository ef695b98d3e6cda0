"""What any room needs of the machine: number formats, threads, batches side by side, several processes, model loading.

Imports only the floor. Nothing here knows of recipes, tasks or data.
"""
