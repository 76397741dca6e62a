"""The HTTP seam: the only place that opens sockets for REST.

From the outside in::

    async_exchange / exchange      one call: retries, pauses, deadline, hooks
    async_transport / transport    one attempt: a Request in, a reply out, foreign errors converted
    async_streams / streams        a reply whose body may still be to come
    connections, redirects         urllib handlers
    pool, sockets, replies         connections that wait, that open, and what comes in on them
    building, body                 what is sent: JSON, forms, multipart streams
    messages, retry, failures      plain data and pure functions

``exchange`` is generated from ``async_exchange``; transports and streams are pairs written by hand, because threads and
tasks differ there.
"""
