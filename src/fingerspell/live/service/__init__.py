"""Recognition over HTTP and WebSocket, and the page in the browser.

`app.create_app(Service(Recognizer(bundle)))` is the ASGI application; `server.Server` runs it.

A request comes from the top and goes down as far as it must::

    server  protocol     sockets, signals, HTTP
    app                  all routes together
    envelope  security   headers and counters around every request; who may come in
    predict < spell, stream    the routes; static: the page; docs, description: what they say of themselves
    context              what the routes share
    pool  body  photos  metrics  lifecycle  schemas
    problems             every error, as RFC 9457
    limits
"""
