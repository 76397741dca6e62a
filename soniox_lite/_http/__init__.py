"""HTTP for REST: requests, attempts, connections and responses, over urllib and http.client.

From the outside in::

    requests, body                 a Request from the arguments of a call: URL, JSON, forms, multipart streams
    async_attempts / attempts      one call: retries, pauses, deadline, hooks
    async_transport / transport    one attempt: sends a Request, returns a Response or a stream
    async_streams / streams        a response whose body is still to be read
    foreign_opener                 adapts the responses and errors of an opener of the user's own
    connections, redirects         urllib handlers
    pool, wire_response            connections that are kept open; the response on one of them
    messages, retry, error_responses, content_encoding    plain data and pure functions

``attempts`` is generated from ``async_attempts``; transports and streams are pairs written by hand, because threads and
tasks differ there. ``workers`` runs the blocking transport for the async one.
"""
