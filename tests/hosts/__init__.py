"""A site on several machines, each a network namespace, whose connections break one by one. Needs Linux, root and `ip`."""
