from flask import Flask

app: Flask

def update_info() -> str: ...
