"""The bundled data plane: stock Envoy beside every workload, told what to do over xDS.

The room sees the mesh (smi.model), the vocabulary of Kubernetes (smi.k8s), the door between the
two (smi.backend) and smi.errors. It never sees an SMI object.
"""
