"""A study: a typed configuration, the plan of stages that it asks for, and running them.

Knows which stage needs which; never what happens inside one.
"""
