"""The exchange as the bot sees it: signing, the wire's words, REST and the stream's protocol.

The only package that imports the SDK. It turns wishes into bytes and answers into facts; it decides nothing.
"""
