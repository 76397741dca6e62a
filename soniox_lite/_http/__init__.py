"""The HTTP seam: the only place that opens sockets for REST.

From the outside in::

    async_exchange / exchange      one call: retries, pauses, deadline, hooks
    async_transport / transport    one attempt: a Request in, a Response out, foreign errors converted
    connections                    urllib handlers over a pool of http.client connections
    body                           what is sent: JSON, forms, multipart streams
    messages, retry                plain data and pure functions

``exchange`` is generated from ``async_exchange``; the two transports are written by hand, because threads and tasks
differ there.
"""
