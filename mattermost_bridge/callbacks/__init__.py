"""What Mattermost calls over HTTP: clicks on buttons. A guard in front of Django bounds body and time, checks method
and source, and hands what is left to a service. Nothing here knows sessions, cookies or hosts: a call is believed for
its signature.
"""
