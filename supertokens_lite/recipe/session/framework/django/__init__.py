"""`verify_session` for Django: in `asyncio` for views that are `async def`, in `syncio` for all others."""
