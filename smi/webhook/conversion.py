"""apiextensions/v1 ConversionReview: the objects of a request at the version that it asks for.

An API server takes all objects, in the order in which it sent them, or none. Of metadata it lets
nobody change more than labels and annotations.
"""

from collections.abc import Mapping

from smi import scheme
from smi.k8s.document import Document, part

_API_VERSION = "apiextensions.k8s.io/v1"


def converted(review: object) -> Document:
    """The review with its response; of all objects or, with a message that names one, of none.

    Does not raise, whatever `review` is.
    """
    asked = review if isinstance(review, Mapping) else {}
    request = part(asked, "request")
    uid, version, objects = (request.get(name) for name in ("uid", "desiredAPIVersion", "objects"))
    response: Document = {"uid": uid if isinstance(uid, str) else ""}
    if asked.get("apiVersion") != _API_VERSION or not isinstance(version, str):
        failure: str | None = f"is no ConversionReview of {_API_VERSION} with a desiredAPIVersion"
    elif not isinstance(objects, list):
        failure = "has no list of objects"
    else:
        results = [_converted(document, version) for document in objects]
        failure = next((result for result in results if isinstance(result, str)), None)
        response["convertedObjects"] = results
    if failure is not None:
        response["convertedObjects"] = []
    status = "Success" if failure is None else "Failure"
    said = {} if failure is None else {"message": failure}
    response["result"] = {"status": status, **said}
    return {"apiVersion": _API_VERSION, "kind": "ConversionReview", "response": response}


def _converted(document: object, version: str) -> Document | str:
    """The document at the version, or why there is none."""
    if not isinstance(document, Mapping):
        return "one of the objects is no object"
    made = scheme.convert_document(document, version)
    if made.get("apiVersion") == version:
        return made
    metadata = part(document, "metadata")
    name = "/".join(str(metadata[key]) for key in ("namespace", "name") if key in metadata)
    written = f"{document.get('kind')} {name} of {document.get('apiVersion')}"
    return f"{written} does not convert to {version}"
