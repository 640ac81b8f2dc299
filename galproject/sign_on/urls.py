"""Addresses of logging in and out."""

from django.urls import path

from galproject.sign_on import views
from galproject.sign_on.library_settings import CALLBACK

urlpatterns = [
    path("login/", views.LoginPage.as_view(), name="login"),
    path("logout/", views.LogoutPage.as_view(), name="logout"),
    path("sign-on/", views.SignOnView.as_view(), name="sign_on"),
    path("sign-on/callback/", views.CallbackView.as_view(), name=CALLBACK),
    path("signed-out/", views.signed_out, name="signed_out"),
]
