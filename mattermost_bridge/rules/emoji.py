"""Emoji as Mattermost wants them: by name. People and agents also write colons around them, or the glyph itself."""

from __future__ import annotations

import re

_GLYPHS = """
    👍 thumbsup  👎 thumbsdown  ✅ white_check_mark  ☑ ballot_box_with_check
    ✔ heavy_check_mark  ❌ x  ❎ negative_squared_cross_mark  ❤ heart  💔 broken_heart
    💙 blue_heart  💚 green_heart  💯 100  🎉 tada  🎊 confetti_ball  🙏 pray  👀 eyes  🔥 fire
    🚀 rocket  😄 smile  😀 grinning  😂 joy  🤣 rolling_on_the_floor_laughing  😅 sweat_smile
    😊 blush  😍 heart_eyes  😎 sunglasses  🤔 thinking  😢 cry  😭 sob  😮 open_mouth  😡 rage
    😱 scream  😴 sleeping  🙃 upside_down_face  😉 wink  🙂 slightly_smiling_face  👋 wave
    👏 clap  🙌 raised_hands  👌 ok_hand  💪 muscle  🤝 handshake  🤷 shrug  🤦 facepalm
    🫡 saluting_face  ⭐ star  🌟 star2  ✨ sparkles  💡 bulb  ⚠ warning  🚨 rotating_light
    🛑 octagonal_sign  ⏳ hourglass_flowing_sand  ⌛ hourglass  ⏰ alarm_clock  🔁 repeat
    🔄 arrows_counterclockwise  🐛 bug  📌 pushpin  📎 paperclip  📝 memo  📅 date  🔒 lock  🔑 key
    ❓ question  ❗ exclamation  ➕ heavy_plus_sign  ➡ arrow_right  ⬆ arrow_up  ⬇ arrow_down
    🤖 robot_face  💬 speech_balloon  ☕ coffee  🍕 pizza  🟢 large_green_circle  🔴 red_circle
    🟡 large_yellow_circle  ℹ information_source  🆗 ok
"""
_WORDS = _GLYPHS.split()
_NAMES = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
_SKIN_TONES = {
    "🏻": "light", "🏼": "medium_light", "🏽": "medium", "🏾": "medium_dark", "🏿": "dark",
}  # fmt: skip
_WITH_SKIN = {"thumbsup", "thumbsdown", "pray", "wave", "raised_hands", "clap", "ok_hand", "muscle"}
#: They say how a glyph is drawn, not which one it is.
_SELECTORS = re.compile("[\ufe0e\ufe0f]")


def emoji_name(words: str) -> str:
    """The name to send for what somebody wrote: `thumbsup`, `:+1:` or a glyph; "" when nothing remains.

    Colons around a name are taken off, a glyph that is known becomes its name, with the skin tone where the name has
    such forms. Whatever else it is stays as it is: the server may have an emoji of its own by that name.
    """
    name = words.strip().strip(":").strip()
    glyph = _SELECTORS.sub("", name)
    tone = _SKIN_TONES.get(glyph[-1:], "")
    base = _NAMES.get(glyph[:-1] if tone else glyph)
    if base is None:
        return name
    return f"{base}_{tone}_skin_tone" if tone and base in _WITH_SKIN else base
